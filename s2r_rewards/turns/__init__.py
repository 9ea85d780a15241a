"""Conversations in which the user asks for verifications and new attempts: reading them, and holding them."""

from s2r_rewards.turns.conversation import CONVERSATIONS, Conversation, Turn, get_conversation
from s2r_rewards.turns.messages import parse_messages

__all__ = ["CONVERSATIONS", "Conversation", "Turn", "get_conversation", "parse_messages"]
