"""Teams of an organization: who is in them, who asks to be, and who may not."""
