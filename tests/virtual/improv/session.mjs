// A whole Improv session with improv-wifi-serial-sdk, as a browser has it: what came of each step, as
// JSON. Arguments: the SDK's dist folder, TCP port of the board's serial port (RFC 2217), SSID,
// password. The Web Serial port is a stand-in on that TCP connection.
import { register } from "node:module";
import { connect } from "node:net";
import { pathToFileURL } from "node:url";

register("./hooks.mjs", import.meta.url);
const [dist, tcpPort, ssid, password] = process.argv.slice(2);
const { ImprovSerial } = await import(pathToFileURL(`${dist}/serial.js`));

const IAC = 255;
const SB = 250;
const SE = 240;

// Telnet commands (RFC 854) out of what the board sends; IAC IAC is one byte of data.
function telnetFilter() {
  let mode = "data";
  return (chunk) => {
    const out = [];
    for (const byte of chunk) {
      if (mode === "data") {
        if (byte === IAC) mode = "command";
        else out.push(byte);
      } else if (mode === "command") {
        if (byte === IAC) out.push(byte);
        mode = byte === SB ? "sub" : byte > SB && byte < IAC ? "option" : "data";
      } else if (mode === "option") mode = "data";
      else if (mode === "sub") mode = byte === IAC ? "sub command" : "sub";
      else mode = byte === SE ? "data" : "sub";
    }
    return Uint8Array.from(out);
  };
}

function serialPort(socket) {
  const filter = telnetFilter();
  return {
    readable: new ReadableStream({
      start(controller) {
        socket.on("data", (chunk) => controller.enqueue(filter(chunk)));
      },
    }),
    writable: new WritableStream({
      write(data) {
        socket.write(Uint8Array.from([...data].flatMap((b) => (b === IAC ? [b, b] : [b]))));
      },
    }),
  };
}

const problems = [];
const logger = { log() {}, debug() {}, error: (...words) => problems.push(words.join(" ")) };
const socket = connect(Number(tcpPort), "127.0.0.1");
socket.setNoDelay(true);
const client = new ImprovSerial(serialPort(socket), logger);
const states = [];
client.addEventListener("state-changed", (event) => states.push(event.detail));

const seen = {};
seen.info = { ...(await client.initialize(10000)) };
seen.firstState = client.state;
seen.networks = await client.scan();
seen.refusal = await client.provision(ssid, `not ${password}`).catch((error) => String(error));
seen.stateAfterRefusal = client.state;
await client.provision(ssid, password);
seen.url = client.nextUrl;
seen.lastState = client.state;
await client.requestCurrentState();
seen.urlAgain = client.nextUrl;
seen.name = await client.setDeviceName("kitchen");
seen.hostname = await client.setHostname("kitchen");
seen.badHostname = await client.setHostname("no good").catch((error) => String(error));
seen.networkState = await client.requestNetworkState();
seen.states = states;
seen.problems = problems;
console.log(JSON.stringify(seen));
process.exit(0);
