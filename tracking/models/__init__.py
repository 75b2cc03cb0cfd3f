from tracking.models.aggregates import (
    ArmSeen,
    Session,
    SessionMetric,
    SessionNews,
    SessionText,
    SessionToRefresh,
    Trace,
    TracePart,
    UsageRollup,
)
from tracking.models.attributes import UnmappedAttribute
from tracking.models.documents import Document, DocumentPart
from tracking.models.facts import DimensionName, Event, EventClock, Origin, PayloadBlock
from tracking.models.inbox import Doorbell, InboxBatch, IngestCounter, Quarantined
from tracking.models.prices import ModelPrice, PriceVersion
from tracking.models.privacy import ErasedSubject, ErasedTrace, StaleSlot

__all__ = [
    "ArmSeen",
    "DimensionName",
    "Document",
    "DocumentPart",
    "Doorbell",
    "ErasedSubject",
    "ErasedTrace",
    "Event",
    "EventClock",
    "InboxBatch",
    "IngestCounter",
    "ModelPrice",
    "Origin",
    "PayloadBlock",
    "PriceVersion",
    "Quarantined",
    "Session",
    "SessionMetric",
    "SessionNews",
    "SessionText",
    "SessionToRefresh",
    "StaleSlot",
    "Trace",
    "TracePart",
    "UnmappedAttribute",
    "UsageRollup",
]
