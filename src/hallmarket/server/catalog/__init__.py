"""Assets of every type: who owns them, who may do what to them, how they are found."""
