// An MCP client of one of the TypeScript SDKs, driven over its own stdin:
// one JSON request a line in, one JSON reply a line out. The first line says
// where to connect; it is answered once that is done.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

const sdks = {
  v1: async () => ({
    ...(await import('@modelcontextprotocol/sdk/client/index.js')),
    ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
    ...(await import('@modelcontextprotocol/sdk/client/sse.js')),
    ...(await import('@modelcontextprotocol/sdk/client/stdio.js')),
    elicitation: (await import('@modelcontextprotocol/sdk/types.js')).ElicitRequestSchema,
    sampling: (await import('@modelcontextprotocol/sdk/types.js')).CreateMessageRequestSchema,
  }),
  v2: async () => ({
    ...(await import('@modelcontextprotocol/client')),
    ...(await import('@modelcontextprotocol/client/stdio')),
    elicitation: 'elicitation/create',
    sampling: 'sampling/createMessage',
  }),
};

function transport(sdk, target) {
  if (target.sse) return new sdk.SSEClientTransport(new URL(target.url));
  if (target.url) return new sdk.StreamableHTTPClientTransport(new URL(target.url));
  const env = Object.fromEntries((target.env ?? []).map((kv) => kv.split(/=(.*)/s, 2)));
  return new sdk.StdioClientTransport({
    command: target.command, args: target.args, cwd: target.cwd, env: { ...process.env, ...env },
  });
}

const modes = { legacy: 'legacy', auto: 'auto', modern: { pin: '2026-07-28' } };

async function connect({ sdk: name, era, target, answer }) {
  const sdk = await sdks[name]();
  const client = new sdk.Client(
    { name: `interop-ts-${name}`, version: '1' },
    { capabilities: { elicitation: { form: {} }, sampling: {} }, versionNegotiation: { mode: modes[era] } },
  );
  client.setRequestHandler(sdk.elicitation, async ({ params }) => ({
    action: 'accept',
    content: Object.fromEntries((params.requestedSchema.required ?? []).map((property) => [property, answer])),
  }));
  client.setRequestHandler(sdk.sampling, async () => ({
    role: 'assistant', model: 'none', content: { type: 'text', text: answer },
  }));
  const t = transport(sdk, target);
  let agreed;
  t.setProtocolVersion = wrap(t, (v) => { agreed = v; });
  await client.connect(t);
  return [client, client.getNegotiatedProtocolVersion?.() ?? agreed ?? ''];
}

// wrap notes what version the client tells its transport.
function wrap(t, note) {
  const inner = t.setProtocolVersion?.bind(t);
  return (v) => { note(v); inner?.(v); };
}

async function pages(list, member) {
  const all = [];
  let cursor;
  do {
    const page = await list(cursor === undefined ? undefined : { cursor });
    all.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return all;
}

async function call(client, { tool, args }, v1) {
  const progress = [];
  const options = { onprogress: (p) => progress.push(p.progress) };
  const params = { name: tool, arguments: args };
  const res = await (v1 ? client.callTool(params, undefined, options) : client.callTool(params, options));
  const text = res.content.filter((c) => c.type === 'text').map((c) => c.text).join('\n');
  return { text, isError: res.isError ?? false, progress, digest: digest(res) };
}

// digest is what Digest of package clients is.
function digest({ content, structuredContent = null }) {
  const hash = createHash('sha256');
  for (const part of parts([content, structuredContent])) hash.update(`${part}\0`);
  return hash.digest('hex');
}

function* parts(value) {
  if (typeof value !== 'object' || value === null) {
    yield value;
    return;
  }
  const isArray = Array.isArray(value);
  yield isArray ? '[' : '{';
  for (const key of isArray ? value.keys() : Object.keys(value).sort()) {
    if (!isArray) yield key;
    yield* parts(value[key]);
  }
  yield ']';
}

// task calls a tool as a task, if client and server think that it runs as one,
// and follows it to its end; answers to what it asks come from the handlers.
async function task(client, { tool, args }) {
  await client.listTools(); // by which the client learns what runs as a task
  const seen = [];
  for await (const message of client.experimental.tasks.callToolStream({ name: tool, arguments: args })) {
    if (message.type === 'error') throw message.error;
    if (message.type !== 'result') {
      seen.push(message.task.status);
      continue;
    }
    const text = message.result.content.map((c) => c.text).join('\n');
    return { text, isError: message.result.isError ?? false, task: seen.length > 0 };
  }
  throw new Error('the stream has ended without a result');
}

const operations = {
  task,
  tools: (c) => pages((p) => c.listTools(p), 'tools').then((l) => l.map((t) => t.name)),
  resources: (c) => pages((p) => c.listResources(p), 'resources').then((l) => l.map((r) => r.uri)),
  templates: (c) => pages((p) => c.listResourceTemplates(p), 'resourceTemplates').then((l) => l.map((r) => r.uriTemplate)),
  prompts: (c) => pages((p) => c.listPrompts(p), 'prompts').then((l) => l.map((p) => p.name)),
  call,
  read: async (c, { uri }) => (await c.readResource({ uri })).contents[0]?.text ?? '',
  prompt: async (c, { name, args }) => (await c.getPrompt({ name, arguments: args })).messages[0]?.content.text ?? '',
  complete: async (c, { prompt, argument, typed }) =>
    (await c.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name: argument, value: typed } })).completion.values,
};

let client;
let version;
let first = true;
let v1 = false;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (first) {
      v1 = request.sdk === 'v1';
      [client, version] = await connect(request);
      first = false;
      console.log(JSON.stringify({ value: version }));
      continue;
    }
    console.log(JSON.stringify({ value: await operations[request.op](client, request, v1) }));
  } catch (e) {
    console.log(JSON.stringify({ error: `${e.code ?? ''} ${e.message}`.trim() }));
  }
}
await client?.close();
process.exit(0);
