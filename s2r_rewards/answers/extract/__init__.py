"""From the text of one attempt to the answer that it states."""

from .answer import Extraction, Fallback, extract_answer

__all__ = ["Extraction", "Fallback", "extract_answer"]
