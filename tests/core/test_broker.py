import json
import shutil
import uuid

import pytest
from kombu import Connection, Queue

from core.broker import use_files


@pytest.fixture
def connection(tmp_path):
    options = use_files(tmp_path)
    with Connection(
        options["broker_url"], transport_options=options["broker_transport_options"]
    ) as connection:
        yield connection


@pytest.fixture
def name() -> str:
    """kombu remembers for the life of a process which queues it has declared."""
    return f"queue-{uuid.uuid4().hex}"


def test_messages_come_in_the_order_they_were_sent(connection, name):
    queue = connection.SimpleQueue(name)
    for number in range(5):
        queue.put({"n": number})

    assert [queue.get_nowait().payload["n"] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_queues_do_not_see_each_other(connection, name):
    connection.SimpleQueue(name).put({"n": 1})

    with pytest.raises(connection.SimpleQueue("slow" + name).Empty):
        connection.SimpleQueue("slow" + name).get_nowait()


def test_a_message_that_is_being_written_is_not_seen(connection, name, tmp_path):
    channel = connection.channel()
    Queue(name)(channel).declare()
    (tmp_path / "messages" / f".00001_x.{name}.msg").write_text("{")

    assert Queue(name)(channel).get() is None


def test_a_taken_message_leaves_nothing_behind(connection, name, tmp_path):
    queue = connection.SimpleQueue(name)
    queue.put({"n": 1})
    assert len(list((tmp_path / "messages").iterdir())) == 1

    queue.get_nowait().ack()

    assert list((tmp_path / "messages").iterdir()) == []


def test_messages_are_plain_json_on_disk(connection, name, tmp_path):
    connection.SimpleQueue(name).put({"n": 1})

    [path] = (tmp_path / "messages").iterdir()
    assert json.loads(path.read_text())["content-type"] == "application/json"


def test_a_folder_that_is_deleted_is_made_again(connection, name, tmp_path):
    queue = connection.SimpleQueue(name)
    queue.put({"n": 1})
    shutil.rmtree(tmp_path)

    with pytest.raises(queue.Empty):
        queue.get_nowait()
    queue.put({"n": 2})

    assert queue.get_nowait().payload == {"n": 2}
