"""What both transports share: the messages, the rules of the room, and what a person sees of them."""
