"""What the tests and the benchmarks share: real servers, clients, people with money, and assertions about responses."""
