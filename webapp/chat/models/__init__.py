"""The rows of the chat."""

from webapp.chat.models.conversations import Conversation, ConversationQuerySet, Folder, Tag
from webapp.chat.models.embeddings import Embedding
from webapp.chat.models.feedback import Comparison, Feedback
from webapp.chat.models.limits import Allowance, Heartbeat
from webapp.chat.models.pictures import Picture
from webapp.chat.models.summaries import Summary
from webapp.chat.models.turns import Message, QueuedMessage, Reply, ReplyQuerySet

__all__ = [
    "Allowance",
    "Comparison",
    "Conversation",
    "ConversationQuerySet",
    "Embedding",
    "Feedback",
    "Folder",
    "Heartbeat",
    "Message",
    "Picture",
    "QueuedMessage",
    "Reply",
    "ReplyQuerySet",
    "Summary",
    "Tag",
]
