// The paid provider, simulated: aimock in OpenAI's and Anthropic's wire format, and what it was asked.
import { LLMock } from '@copilotkit/aimock';
import { after } from 'node:test';

const running = new Set();
after(() => Promise.all([...running].map((mock) => mock.stop())));

const words = (n) => Array.from({ length: n }, (_, i) => `word${i}`).join(' ');

// Matched by the last question. Usage is what the simulator bills.
const fixtures = [
  { match: { userMessage: 'case-429' }, response: { error: { message: 'Slow down', type: 'rate_limit_error' }, status: 429, retryAfter: 1 } },
  { match: { userMessage: 'case-500' }, response: { error: { message: 'Internal', type: 'api_error' }, status: 500 } },
  { match: { userMessage: 'case-401' }, response: { error: { message: 'invalid x-api-key', type: 'authentication_error' }, status: 401 } },
  { match: { userMessage: 'case-404' }, response: { error: { message: 'model not found', type: 'not_found_error' }, status: 404 } },
  { match: { userMessage: 'case-cut' }, response: { content: 'This answer is cut off before its end so that the reader must notice it.' }, chunkSize: 5, latency: 10, truncateAfterChunks: 6 },
  { match: { userMessage: 'case-drop' }, response: { content: words(200) }, chunkSize: 4, latency: 10, disconnectAfterMs: 700 },
  { match: { userMessage: 'case-slow' }, response: { content: words(60), usage: { prompt_tokens: 50, completion_tokens: 60, total_tokens: 110 } }, chunkSize: 6, latency: 40 },
  { match: { userMessage: 'case-tools', hasToolResult: false }, response: { blocks: [
    { type: 'text', text: 'Let me look – one moment.' },
    { type: 'toolCall', id: 'toolu_01A', name: 'search', arguments: { q: 'fees' } },
    { type: 'toolCall', id: 'toolu_01B', name: 'list_documents', arguments: {} }] }, chunkSize: 8 },
  { match: { userMessage: 'case-tools', hasToolResult: true }, response: { content: 'Two pages: Ann, Zoë 👋.', usage: { prompt_tokens: 321, completion_tokens: 12, total_tokens: 333 } }, chunkSize: 5 },
  { match: { userMessage: 'case-bad-tools', hasToolResult: false }, response: { blocks: [
    { type: 'toolCall', id: 'toolu_02A', name: 'no_such_tool', arguments: {} },
    { type: 'toolCall', id: 'toolu_02B', name: 'search', arguments: { nonsense: 1 } }] } },
  { match: { userMessage: 'case-bad-tools', hasToolResult: true }, response: { content: 'I could not look.' } },
  { match: { userMessage: 'case-write', hasToolResult: false }, response: { blocks: [
    { type: 'toolCall', id: 'toolu_03A', name: 'create_document', arguments: { title: 'forged' } }] } },
  { match: { userMessage: 'case-write', hasToolResult: true }, response: { content: 'Not done.' } },
  { match: { userMessage: 'case-ask', hasToolResult: false }, response: { blocks: [
    { type: 'text', text: 'Before I go on:' },
    { type: 'toolCall', id: 'toolu_04A', name: 'ask_question', arguments: { question: 'Which country?', options: ['Spain', 'Italy'] } }] } },
  { match: { userMessage: 'case-ask', hasToolResult: true }, response: { content: 'Spain it is.' } },
  { match: { userMessage: 'case-look-ask', hasToolResult: false }, response: { blocks: [
    { type: 'toolCall', id: 'toolu_05A', name: 'list_documents', arguments: {} },
    { type: 'toolCall', id: 'toolu_05B', name: 'ask_question', arguments: { question: 'Which country?' } }] } },
  { match: { userMessage: 'case-look-ask', hasToolResult: true }, response: { content: 'Italy it is.' } },
  // A first turn of ten dollars and more, so that the second one finds no budget.
  { match: { userMessage: 'case-dear', hasToolResult: false }, response: { blocks: [
    { type: 'text', text: 'Let me look, at a price.' },
    { type: 'toolCall', id: 'toolu_06A', name: 'list_documents', arguments: {} }], usage: { prompt_tokens: 50, completion_tokens: 1500000, total_tokens: 1500050 } } },
  { match: { userMessage: 'case-think' }, response: { reasoning: 'First I weigh the fee.', content: 'It is 80 euros.' }, chunkSize: 6 },
  { match: {}, response: { content: 'Hello from the provider.', usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }, chunkSize: 7 },
];

/** `more` are matched first. */
export async function provider(more = []) {
  const mock = new LLMock({ port: 0, host: '127.0.0.1', logLevel: 'silent' });
  for (const f of [...more, ...fixtures]) mock.addFixture(f);
  await mock.start();
  running.add(mock);
  return mock;
}
// The server's settings for it, in one of the two wire formats.
export const settings = {
  openai: (mock) => ({ OPENAI_API_KEY: 'sk-test-0123456789abcdef', OPENAI_BASE_URL: mock.url + '/v1', OPBOXD_CHAT_PROVIDER: 'openai', OPBOXD_CHAT_MODEL: 'gpt-4.1' }),
  anthropic: (mock) => ({ ANTHROPIC_API_KEY: 'sk-ant-test-0123456789abcdef', ANTHROPIC_BASE_URL: mock.url, OPBOXD_CHAT_PROVIDER: 'anthropic', OPBOXD_CHAT_MODEL: 'claude-sonnet-4-5' }),
};
