// ripple's live channel: the page hears at once of each save, and who else has the project open.

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
    let answer;
    try {
      answer = await fetch(line.dataset.live, { method: "POST", headers: { "X-CSRFToken": token.value } });
    } catch {
      return later();
    }
    // Without a live channel the page asks for news at intervals.
    if (answer.status !== 200 || answer.redirected) return;
    const { ticket, url } = await answer.json();
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
    let unacknowledged = 0;
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
        unacknowledged += 1;
        if (unacknowledged === 32) {
          say({ ack: frame.seq });
          unacknowledged = 0;
        }
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
