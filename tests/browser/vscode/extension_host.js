// Stands where VS Code has its extension host: this worker alone owns the kernel's socket. It sends what cells and
// widgets say, and posts to the page what the kernel says, in the shapes and with the defect of the Jupyter extension.

const kernel = { socket: undefined, session: undefined };
const queue = [];

// VS Code's processes exchange JSON, so bytes travel as lists of numbers.
function tell(kind, body) {
  postMessage(JSON.parse(JSON.stringify({ kind, ...body })));
}

function connect({ address, session }) {
  kernel.session = session;
  kernel.socket = new WebSocket(address);
  kernel.socket.binaryType = "arraybuffer";
  kernel.socket.onopen = () => tell("open", {});
  kernel.socket.onerror = () => tell("refused", {});
  kernel.socket.onmessage = ({ data }) => {
    tell("down", typeof data === "string" ? { text: data } : { bytes: Array.from(new Uint8Array(data)) });
  };
}

function run({ cell, code }) {
  const message = {
    channel: "shell",
    header: {
      date: new Date().toISOString(),
      msg_id: crypto.randomUUID(),
      msg_type: "execute_request",
      session: kernel.session,
      username: "",
      version: "5.3",
    },
    parent_header: {},
    metadata: {},
    content: { allow_stdin: false, code, silent: false, stop_on_error: false, store_history: true, user_expressions: {} },
    buffers: [],
  };
  tell("started", { cell, message });
  kernel.socket.send(JSON.stringify(message));
}

// microsoft/vscode-jupyter, ipyWidgetMessageDispatcher.ts: the first message in line is parsed as JSON. One with binary
// buffers throws, stays first, and blocks all behind it until the kernel restarts.
function relay({ data }) {
  queue.push(data);
  while (queue.length > 0 && typeof queue[0] === "string") kernel.socket.send(queue.shift());
  if (queue.length > 0) tell("stuck", { waiting: queue.length });
}

const requests = { connect, run, relay };
self.onmessage = ({ data }) => requests[data.kind](data);
