"""Images, sounds and files in messages: told in words, whoever wrote them, and never as bytes."""

import pytest

from tracking.adapters.dialects.message_parts import parts_of

PNG = "iVBORw0KGgo="
PDF = "data:application/pdf;base64,AAAA"
ADDRESS = "https://example.org/a.png"
MEDIA = {
    "OpenAI's image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        "image/png, 8 bytes",
    ),
    "OpenAI's image by address": (
        {"type": "image_url", "image_url": {"url": ADDRESS, "detail": "low"}},
        ADDRESS,
    ),
    "OpenAI's sound": (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        "audio: wav, 3 bytes",
    ),
    "OpenAI's file": (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        "file: a.pdf, application/pdf, 3 bytes",
    ),
    "OpenAI's file by id": ({"type": "file", "file": {"file_id": "file-1"}}, "file: file-1"),
    "Responses' file": (
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        "file: https://example.org/a.pdf",
    ),
    "Responses' image": (
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
        "image/png, 8 bytes",
    ),
    "Anthropic's image": (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        "image/png, 8 bytes",
    ),
    "Google's image": (
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        "image/png, 8 bytes",
    ),
    "Google's sound": (
        {"file_data": {"mime_type": "audio/mp3", "file_uri": "gs://b/a.mp3"}},
        "audio: gs://b/a.mp3, audio/mp3",
    ),
    "AI SDK's image by address": ({"type": "image", "image": ADDRESS}, ADDRESS),
    "AI SDK's image": (
        {"type": "image", "image": {"0": 137, "1": 80, "2": 78}, "mimeType": "image/png"},
        "image/png, 3 bytes",
    ),
    "AI SDK's image as a Buffer": (
        {"type": "image", "image": {"type": "Buffer", "data": [137, 80]}},
        "2 bytes",
    ),
    "an image that its client left out": (
        {"type": "image", "image": "[base64 image omitted]"},
        "[base64 image omitted]",
    ),
    "AI SDK's file": (
        {"type": "file", "data": "AAAA", "mediaType": "application/pdf", "filename": "a.pdf"},
        "file: a.pdf, application/pdf, 3 bytes",
    ),
    "OTel's blob": (
        {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
        "audio: audio/wav, 3 bytes",
    ),
    "OTel's address": ({"type": "uri", "modality": "image", "uri": ADDRESS}, ADDRESS),
}


@pytest.mark.parametrize(("sent", "words"), MEDIA.values(), ids=MEDIA)
def test_a_medium_is_told_in_words(sent, words):
    (part,) = parts_of([sent])

    assert (part.type, part.text) == ("image", words)


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "file"},
        {"type": "input_audio", "input_audio": 5},
        {"inlineData": {"mimeType": ["image"], "data": {"a": {}}}},
        {"type": "image", "image": None},
        {"type": "image_url", "image_url": {"url": "data:;;;,"}},
    ],
)
def test_a_broken_medium_is_one_still(sent):
    (part,) = parts_of([sent])

    assert part.type == "image"


def test_a_text_beside_a_file_stays_a_text():
    parts = parts_of([{"text": "a"}, {"type": "text", "text": "b", "file": {}}])

    assert [part.text for part in parts] == ["a", "b"]
