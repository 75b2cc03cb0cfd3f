// The Vercel AI SDK with its own mock model: a tool and its result, a stream, an embedding, an error.
// AI_PACKAGE names which of its major versions; all of them export to Assay by OTLP/JSON.

import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const { AI_PACKAGE, ASSAY_KEY, ASSAY_URL } = process.env;
const ai = await import(AI_PACKAGE);
const mocks = await import(`${AI_PACKAGE}/test`);
const major = Number(AI_PACKAGE.slice(-1));
const QUESTION = "How is the weather in Paris?";
const SYSTEM = "Answer in one sentence.";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({
    "service.name": "weather-bot",
    "service.version": "2.1.0",
    "deployment.environment.name": "staging",
  }),
  spanProcessors: [
    new BatchSpanProcessor(
      new OTLPTraceExporter({
        url: `${ASSAY_URL}/v1/traces`,
        headers: { Authorization: `Bearer ${ASSAY_KEY}` },
      }),
    ),
  ],
});
provider.register();

const finish = (reason) => (major >= 6 ? { unified: reason, raw: reason } : reason);
const usage =
  major >= 6
    ? {
        inputTokens: { total: 30, noCache: 20, cacheRead: 8, cacheWrite: 2 },
        outputTokens: { total: 7, text: 5, reasoning: 2 },
      }
    : {
        inputTokens: 30,
        outputTokens: 7,
        totalTokens: 37,
        reasoningTokens: 2,
        cachedInputTokens: 8,
      };
const response = { id: "resp-1", modelId: "gpt-5-mini-2025-08-07", timestamp: new Date() };
const text = { content: [{ type: "text", text: "Sunny, 21 degrees." }], warnings: [], usage };
const said = { ...text, finishReason: finish("stop"), response };
const called = {
  content: [
    {
      type: "tool-call",
      toolCallId: "call_weather_1",
      toolName: "getWeather",
      input: '{"city":"Paris"}',
    },
  ],
  finishReason: finish("tool-calls"),
  warnings: [],
  usage,
  response,
};
const chunks = [
  { type: "stream-start", warnings: [] },
  { type: "response-metadata", ...response },
  { type: "text-start", id: "1" },
  { type: "text-delta", id: "1", delta: "Sunny, " },
  { type: "text-delta", id: "1", delta: "21 degrees." },
  { type: "text-end", id: "1" },
  { type: "finish", finishReason: finish("stop"), usage },
];

const Model = mocks.MockLanguageModelV4 ?? mocks.MockLanguageModelV3 ?? mocks.MockLanguageModelV2;
const Embedder =
  mocks.MockEmbeddingModelV4 ?? mocks.MockEmbeddingModelV3 ?? mocks.MockEmbeddingModelV2;
const named = { provider: "openai.chat", modelId: "gpt-5-mini" };

// What a call says of itself: metadata up to version 6; then the runtime context, as far as it is
// included by name.
const metadata = {
  sessionId: `s-vercel-${major}`,
  userId: "ada",
  tags: ["beta", "paris"],
  tier: "pro",
};
const included = Object.fromEntries(Object.keys(metadata).map((name) => [name, true]));

function telemetry(functionId) {
  if (major < 7) return { experimental_telemetry: { isEnabled: true, functionId, metadata } };
  return {
    runtimeContext: metadata,
    telemetry: { functionId, includeRuntimeContext: included },
  };
}

if (major >= 7) {
  const { OpenTelemetry } = await import("@ai-sdk/otel");
  ai.registerTelemetry(new OpenTelemetry({ runtimeContext: true, usage: true }));
}

const answers = [called, said];
await ai.generateText({
  model: new Model({ ...named, doGenerate: async () => answers.shift() }),
  system: SYSTEM,
  prompt: QUESTION,
  tools: {
    getWeather: ai.tool({
      description: "The weather in a city.",
      inputSchema: ai.jsonSchema({
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      }),
      execute: async () => ({ sky: "clear", celsius: 21 }),
    }),
  },
  stopWhen: ai.stepCountIs(3),
  ...telemetry("weather-report"),
});

const streamed = ai.streamText({
  model: new Model({
    ...named,
    doStream: async () => ({
      stream: ai.simulateReadableStream({ chunks, initialDelayInMs: 30, chunkDelayInMs: 5 }),
    }),
  }),
  prompt: QUESTION,
  ...telemetry("streamed-report"),
});
for await (const part of streamed.textStream) void part;

await ai.embed({
  model: new Embedder({
    provider: "openai.embedding",
    modelId: "text-embedding-3-small",
    doEmbed: async () => ({ embeddings: [[0.25, -0.5]], usage: { tokens: 5 }, warnings: [] }),
  }),
  value: QUESTION,
  ...telemetry("look-up"),
});

await ai
  .generateText({
    model: new Model({
      ...named,
      doGenerate: async () => {
        throw new Error("Slow down.");
      },
    }),
    prompt: QUESTION,
    maxRetries: 0,
    ...telemetry("failing-report"),
  })
  .catch(() => undefined);

await provider.shutdown();
