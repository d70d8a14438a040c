"""The torture run (`make torture`): ten members talk, and everybody else does what they should not. See README.md."""
