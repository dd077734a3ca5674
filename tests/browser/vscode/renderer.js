// The page's side of the test host: the widget manager that VS Code ships, on a kernel connection without a network;
// every message goes through the worker in extension_host.js.

import { ServerConnection } from "@jupyterlab/services";
import { KernelConnection } from "@jupyterlab/services/lib/kernel/default";

const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
const SHOWN = new Set(["display_data", "execute_result", "stream", "error"]);
const { address, kernelModel, modules } = window.HOST;

const counts = { down: 0, downBinary: 0, stuck: 0, up: 0, upBinary: 0 };
const host = new Worker("extension_host.js");
const ask = (kind, body) => host.postMessage({ kind, ...body });

let socket;
let mirroring = false; // the worker has sent the message already, the page only needs to know of it

class RelayedSocket {
  constructor() {
    this.protocol = "";
    this.readyState = WebSocket.OPEN;
    socket = this;
  }

  send(data) {
    if (mirroring) return;
    counts.up += 1;
    if (typeof data !== "string") counts.upBinary += 1;
    ask("relay", { data });
  }

  close() {}
}

function connectKernel(session) {
  const serverSettings = ServerConnection.makeSettings({
    WebSocket: RelayedSocket,
    baseUrl: location.origin,
    wsUrl: "ws://unused",
  });
  const options = { clientId: session, commsOverSubshells: "disabled", handleComms: true, model: kernelModel };
  const kernel = new KernelConnection({ serverSettings, ...options });
  kernel.requestKernelInfo = () => Promise.resolve(); // VS Code never asks, so knows of no subshells
  socket.onopen({ target: socket });
  return kernel;
}

const session = crypto.randomUUID();
const kernel = connectKernel(session);
const manager = new window.vscIPyWidgets.WidgetManager(
  kernel,
  document.createElement("div"),
  {
    widgetsRegisteredInRequireJs: new Set(),
    errorHandler: (name, module, version, error) => console.error(`${module}.${name} ${version}: ${error}`),
    successHandler: () => {},
    loadWidgetScript: async (module) => {
      // VS Code would ask a CDN next; here a module that is not local is a failure.
      if (!(module in modules)) console.error(`no local source of the widget module ${module}`);
      else window.requirejs.config({ paths: { [module]: modules[module] } });
    },
  },
  () => {},
);

async function showWidget(modelId, element) {
  element.className = "cell-output-ipywidget-background";
  while (!manager.has_model(modelId)) await new Promise((resolve) => setTimeout(resolve, 20));
  const view = await manager.create_view(await manager.get_model(modelId), { el: element });
  await manager.display_view({ model_id: modelId }, view, { node: element });
}

async function showOutput(data, element) {
  if (WIDGET_VIEW in data) await showWidget(data[WIDGET_VIEW].model_id, element);
  else if ("text/html" in data) element.append(document.createRange().createContextualFragment(data["text/html"]));
  else element.textContent = data["text/plain"];
}

const cells = []; // {output, finished}

function started({ cell, message }) {
  mirroring = true;
  const future = kernel.sendShellMessage(message, true, true);
  mirroring = false;
  future.onIOPub = ({ header, content }) => {
    if (!SHOWN.has(header.msg_type)) return;
    const data = content.data ?? { "text/plain": content.text ?? content.traceback.join("\n") };
    const element = cells[cell].output.appendChild(document.createElement("div"));
    showOutput(data, element).catch((error) => console.error(String(error)));
  };
  future.done.then(
    (reply) => cells[cell].finished(reply.content.status),
    (error) => cells[cell].finished(String(error)),
  );
}

function down({ text, bytes }) {
  counts.down += 1;
  if (bytes) counts.downBinary += 1;
  socket.onmessage({ target: socket, data: bytes ? new Uint8Array(bytes).buffer : text });
}

function stuck({ waiting }) {
  counts.stuck = waiting;
  console.error(`VS Code: ${waiting} message(s) stuck; the first has binary buffers`);
}

const opened = new Promise((resolve, reject) => {
  const refused = () => reject(new Error("the kernel's socket was refused"));
  const answers = { down, open: resolve, refused, started, stuck };
  host.onmessage = ({ data }) => answers[data.kind](data);
});

async function execute(code) {
  await opened;
  const cell = document.createElement("div");
  cell.className = "cell";
  const output = cell.appendChild(document.createElement("div")).appendChild(document.createElement("div"));
  output.className = "output";
  document.getElementById("cells").append(cell);
  return new Promise((finished) => {
    ask("run", { cell: cells.push({ finished, output }) - 1, code });
  });
}

ask("connect", { address: `${address}&session_id=${session}`, session });
window.vscode = { counts, execute, manager };
