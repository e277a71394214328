// The server of package bulk with both TypeScript SDKs: one tool whose result
// is as large as it is asked to be, at a path for each way of answering. It
// listens on a port of 127.0.0.1 that the system chooses, and says which.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Server as ServerV1 } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { Server as ServerV2, createMcpHandler } from '@modelcontextprotocol/server';

// result is what Result of package bulk is.
function result({ seed, lines: count }) {
  const lines = Array.from({ length: count }, (_, i) => `${seed} ${i} "quoted" \\ \t\u0001 é 漢字 😀 \u2028 <&>\r\n`);
  const pixels = Uint8Array.from({ length: 64 * count }, (_, i) => Math.floor((i * i * 31) / 128) % 256);
  return {
    content: [
      { type: 'text', text: lines.join('') },
      { type: 'image', data: Buffer.from(pixels).toString('base64'), mimeType: 'image/png' },
    ],
    structuredContent: { seed, count, lines },
  };
}

async function answer({ arguments: args, _meta: meta }, notify) {
  const progressToken = meta?.progressToken;
  for (let progress = 1; progressToken !== undefined && progress <= args.progress; progress++) {
    await notify({ method: 'notifications/progress', params: { progressToken, progress } });
  }
  return result(args);
}

const tools = [{ name: 'bulk', inputSchema: { type: 'object' } }];
const capabilities = { capabilities: { tools: {} } };

function serverV1() {
  const server = new ServerV1({ name: 'bulk-ts-v1', version: '1' }, capabilities);
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => answer(params, extra.sendNotification));
  return server;
}

function serverV2() {
  const server = new ServerV2({ name: 'bulk-ts-v2', version: '1' }, capabilities);
  server.setRequestHandler('tools/list', () => ({ tools }));
  server.setRequestHandler('tools/call', ({ params }, context) => answer({ ...params, _meta: context.mcpReq._meta }, context.mcpReq.notify));
  return server;
}

// Events keeps all events of all streams in order.
class Events {
  #all = [];

  async storeEvent(stream, message) {
    return String(this.#all.push({ stream, message }));
  }

  async replayEventsAfter(last, { send }) {
    const { stream } = this.#all[last - 1];
    for (let i = Number(last); i < this.#all.length; i++) {
      if (this.#all[i].stream === stream) await send(String(i + 1), this.#all[i].message);
    }
    return stream;
  }
}

// v1 serves sessions.
function v1(options) {
  const sessions = new Map();
  return async (request) => {
    const id = request.headers.get('mcp-session-id');
    if (id && !sessions.has(id)) return new Response('no such session', { status: 404 });
    if (id) return sessions.get(id).handleRequest(request);
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID, onsessioninitialized: (id) => sessions.set(id, transport), ...options,
    });
    await serverV1().connect(transport);
    return transport.handleRequest(request);
  };
}

const v2 = (options) => createMcpHandler(serverV2, options).fetch;

const ways = {
  '/v1': v1({}),
  '/v1-json': v1({ enableJsonResponse: true }),
  '/v1-kept': v1({ eventStore: new Events(), retryInterval: 50 }),
  '/v2': v2({ legacy: 'reject', responseMode: 'sse' }),
  '/v2-auto': v2({ legacy: 'reject' }), // a JSON body, unless there is progress
  '/v2-both': v2({ responseMode: 'sse' }),
};

const listener = getRequestListener((request) => ways[new URL(request.url).pathname](request));
const server = createServer(listener).listen(0, '127.0.0.1', () => {
  console.error(`loopback: listening on 127.0.0.1:${server.address().port}`);
});
