// A file of events of any size, cut into parts of whole lines and sent one after the other.
(() => {
  "use strict";
  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const MAX_LINES = Math.min(5000, Number(form.dataset.maxLines));
  const MOST_FAILURES = 100;
  const PART_BYTES = 4 * 1024 * 1024;
  const MAX_BYTES = Number(form.dataset.maxBytes);
  const MOST_SHOWN = 200;
  const TRIES = 8;
  const NEWLINE = 10;
  const show = (name) => form.ownerDocument.getElementById(`upload-${name}`);
  const state = { stopped: false, sent: 0, accepted: 0, rejected: 0, failures: 0 };

  const isBlank = (line) => line.every((byte) => byte === 32 || byte === 9 || byte === 13);
  const joined = (a, b) => {
    const whole = new Uint8Array(a.length + b.length);
    whole.set(a);
    whole.set(b, a.length);
    return whole;
  };

  // Lines as bytes with their numbers, from 1; null for one that no request can hold.
  async function* linesOf(file) {
    const reader = file.stream().getReader();
    let rest = new Uint8Array();
    let number = 0;
    let tooLong = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      let from = 0;
      for (let at = value.indexOf(NEWLINE); at !== -1; at = value.indexOf(NEWLINE, from)) {
        const line = rest.length ? joined(rest, value.subarray(from, at)) : value.slice(from, at);
        yield [tooLong ? null : line, ++number];
        [rest, tooLong, from] = [new Uint8Array(), false, at + 1];
      }
      rest = joined(rest, value.subarray(from));
      if (rest.length >= MAX_BYTES) [rest, tooLong] = [new Uint8Array(), true];
    }
    if (rest.length || tooLong) yield [tooLong ? null : rest, ++number];
  }

  async function* partsOf(file) {
    let part = { lines: [], numbers: [], bytes: 0 };
    for await (const [line, number] of linesOf(file)) {
      if (line === null) {
        reject([{ place: `line ${number}`, message: "longer than a request may be" }]);
        continue;
      }
      if (isBlank(line)) continue;
      if (part.numbers.length && (part.numbers.length >= MAX_LINES || part.bytes + line.length > PART_BYTES)) {
        yield part;
        part = { lines: [], numbers: [], bytes: 0 };
      }
      part.lines.push(line);
      part.numbers.push(number);
      part.bytes += line.length + 1;
    }
    if (part.numbers.length) yield part;
  }

  // One JSON document over several lines (pretty-printed) is sent as it is.
  async function isOneDocument(file) {
    for await (const [line] of linesOf(file)) {
      if (line === null) return false;
      if (isBlank(line)) continue;
      try {
        JSON.parse(new TextDecoder().decode(line));
        return false;
      } catch {
        return file.size <= MAX_BYTES && /[[{,:]\s*$/.test(new TextDecoder().decode(line));
      }
    }
    return false;
  }

  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  async function post(body) {
    for (let attempt = 1; ; attempt++) {
      let answer = null;
      try {
        answer = await fetch(form.action, {
          method: "POST",
          body,
          headers: {
            "Content-Type": "application/x-ndjson",
            "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
          },
        });
      } catch {
        // The network is away: the same as an overloaded server.
      }
      if (answer && answer.status < 500 && answer.status !== 429) return answer;
      if (attempt === TRIES || state.stopped) throw new Error("The server does not answer. Send the file again later: what was stored already changes nothing.");
      await sleep(500 * 2 ** Math.min(attempt, 4));
    }
  }

  function reject(items) {
    state.rejected += items.length;
    const list = show("rejected");
    for (const item of items.slice(0, Math.max(0, MOST_SHOWN - list.childElementCount))) {
      const line = document.createElement("li");
      line.textContent = `${item.place}: ${item.message}`;
      list.append(line);
    }
    list.hidden = !list.childElementCount;
  }

  async function send(body, placeOf) {
    const answer = await post(body);
    if (answer.redirected) throw new Error("You are signed out. Sign in and send the file again: what was stored already changes nothing.");
    const said = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
    if (!answer.ok) throw Object.assign(new Error(said.detail), { isRefusal: answer.status === 400 });
    state.accepted += said.accepted;
    reject(said.rejected.map((item) => ({ place: placeOf(item.index), message: item.message })));
  }

  // A part that cannot be read is halved until the line at fault stands alone.
  async function sendPart({ lines, numbers }) {
    const isLone = numbers.length === 1;
    const placeOf = (index) =>
      isLone ? `line ${numbers[0]}${index ? `, item ${index + 1}` : ""}` : `line ${numbers[index]}`;
    try {
      await send(new Blob(lines.flatMap((line) => [line, "\n"])), placeOf);
    } catch (error) {
      if (!error.isRefusal || ++state.failures > MOST_FAILURES) throw error;
      if (isLone) return reject([{ place: placeOf(0), message: error.message }]);
      const half = numbers.length >> 1;
      await sendPart({ lines: lines.slice(0, half), numbers: numbers.slice(0, half) });
      await sendPart({ lines: lines.slice(half), numbers: numbers.slice(half) });
    }
  }

  function tell(words) {
    const counts = `${state.accepted.toLocaleString("en")} accepted, ${state.rejected.toLocaleString("en")} rejected`;
    const hidden = state.rejected - show("rejected").childElementCount;
    show("state").textContent = `${words} ${counts}${hidden > 0 ? ` (the first ${MOST_SHOWN} are listed)` : ""}`;
  }

  async function sendFile(file) {
    if (await isOneDocument(file)) {
      await send(file, (index) => `item ${index + 1}`);
      return;
    }
    for await (const part of partsOf(file)) {
      if (state.stopped) return;
      await sendPart(part);
      state.sent += part.bytes;
      show("progress").value = Math.min(1, state.sent / file.size);
      tell(`Line ${part.numbers.at(-1).toLocaleString("en")}:`);
    }
  }

  async function start(file) {
    Object.assign(state, { stopped: false, sent: 0, accepted: 0, rejected: 0, failures: 0 });
    show("rejected").replaceChildren();
    show("result").hidden = false;
    show("error").hidden = true;
    show("stop").hidden = false;
    show("send").disabled = true;
    show("progress").value = 0;
    tell("Reading the file:");
    try {
      await sendFile(file);
      show("progress").value = state.stopped ? show("progress").value : 1;
      tell(state.stopped ? "Stopped:" : "Done:");
    } catch (error) {
      show("error").textContent = error.message;
      show("error").hidden = false;
      tell("Not finished:");
    }
    show("stop").hidden = true;
    show("send").disabled = false;
    show("result").dataset.state = "done";
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [file] = form.elements.file.files;
    if (file) start(file);
  });
  show("stop").addEventListener("click", () => {
    state.stopped = true;
  });
})();
