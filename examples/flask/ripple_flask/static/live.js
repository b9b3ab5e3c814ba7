// ripple's live channel: the page hears at once of each save, and who else has the project open.

// The events, and the characters of their frames, after which they are acknowledged. ripple stops at twice as much. It
// limits the rate of frames, so a small acknowledgement follows the last one after a second, in milliseconds.
const EVENTS = 32;
const SIZE = 8192;
const PAUSE = 1000;

const line = document.querySelector("[data-live]");
const token = document.querySelector("[name=csrf_token]");

/** The last sentence of who is here, as a person would say it. */
const sentence = (who) => {
  const doing = ([name, , state, field]) => {
    const caption = field && document.querySelector(`label[for^="${CSS.escape(field.slice(1))}@"]`);
    if (state !== "edit" || !caption) return `${name} has this open, too.`;
    return `${name} is at the ${caption.textContent.toLowerCase()}.`;
  };
  return who.map(doing).join(" ");
};

if (line && token) {
  const { record } = line.dataset;
  const form = document.querySelector("form[data-guard]");
  let position = "";
  let failures = 0;

  const connect = async () => {
    let found;
    try {
      const answer = await fetch(line.dataset.live, { method: "POST", headers: { "X-CSRFToken": token.value } });
      // Without a live channel the page asks for news at intervals.
      if (answer.status >= 500) return later();
      if (answer.status !== 200 || answer.redirected) return;
      found = await answer.json();
    } catch {
      return later();
    }
    const { ticket, url } = found;
    const address = new URL(url);
    if (position) address.searchParams.set("since", position);
    open(new WebSocket(address, ["ripple.v1", `ripple.ticket.${ticket}`]));
  };

  const later = () => {
    failures += 1;
    if (failures < 10) setTimeout(connect, Math.random() * Math.min(60_000, 1000 * 2 ** failures));
  };

  const open = (socket) => {
    const say = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
    const place = () => {
      const [field] = (form?.contains(document.activeElement) && document.activeElement.name?.split("@")) || [""];
      say({ presence: { id: record, state: form ? "edit" : "view", ...(field && { field: `/${field}` }) } });
    };
    let cursor = "";
    let epoch = "";
    let [events, size, acknowledged] = [0, 0, 0];
    let due;
    const acknowledge = (seq) => {
      [events, size, acknowledged] = [0, 0, Date.now()];
      say({ ack: seq });
    };
    socket.addEventListener("message", ({ data }) => {
      if (data === "pong") return;
      const frame = JSON.parse(data);
      if (frame.hello) {
        failures = 0;
        [cursor, epoch] = [frame.cursor, frame.epoch];
        place();
        if (frame.resync) document.dispatchEvent(new Event("changed-elsewhere"));
      }
      if (frame.mark) cursor = frame.mark;
      if (frame.seq !== undefined) position = `${cursor}~${epoch}.${frame.seq}`;
      if (frame.id !== undefined) {
        if (frame.id === record) document.dispatchEvent(new Event("changed-elsewhere"));
        events += 1;
        size += data.length;
        clearTimeout(due);
        const pause = events >= EVENTS ? 0 : Math.max(0, acknowledged + PAUSE - Date.now());
        if (events >= EVENTS || size >= SIZE) due = setTimeout(acknowledge, pause, frame.seq);
      }
      if (frame.presence === record) line.textContent = sentence(frame.who);
    });
    const beat = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send("ping"), 30_000);
    let moved;
    const move = () => {
      clearTimeout(moved);
      moved = setTimeout(place, 1000); // ripple limits the rate of frames
    };
    form?.addEventListener("focusin", move);
    socket.addEventListener("close", ({ code }) => {
      clearInterval(beat);
      clearTimeout(due);
      form?.removeEventListener("focusin", move);
      line.textContent = "";
      // The page has left, the key was revoked, or the resource is not there.
      if (![1000, 4001, 4004].includes(code)) later();
    });
    addEventListener("pagehide", () => socket.close(1000));
  };

  addEventListener("pageshow", ({ persisted }) => persisted && connect());
  connect();
}
