// A small workspace as a visa desk would have it: for pictures and for tests that need something to read.
const pages = [
  ['Work permits', null, 'FOLDER', ''],
  ['Employment pass: documents we ask for', 'Work permits', 'PAGE', '# What to collect\n\n- Passport, all pages, valid for seven months\n- Degree and its verification\n- Employment contract, signed by both sides\n\n## Before filing\n\n1. Compare the name with the passport, letter by letter\n2. Check the salary against the sector\n3. File before the visit pass ends\n\nA missing verification is the most frequent reason for a request for documents.\n\n```\nEP-2026-0042  filed 12 October  decided 3 November\n```\n\nSee the fee table for amounts.'],
  ['Dependant pass', 'Work permits', 'PAGE', 'Spouse and children under 21. The main pass must be valid for six months more.'],
  ['Fees 2026', null, 'PAGE', '# Fees\n\nApplication 105, issuance 225. Paid when filed, never returned.'],
  ['House style', null, 'PAGE', 'Dates as 12 October 2026. Names as in the passport. No abbreviations in letters to clients.'],
  ['دليل الإقامة', null, 'PAGE', 'يجب أن يكون جواز السفر صالحًا لمدة سبعة أشهر.'],
];

export async function fill(client) {
  const ids = new Map();
  for (const [title, parent, kind, markdown] of pages) {
    const made = await client.json('/api/documents', { method: 'POST', json: { title, kind, ...(parent ? { parentId: ids.get(parent) } : {}), ...(kind === 'PAGE' ? { markdown } : {}) } });
    if (made.status !== 201) throw new Error(`${title}: ${made.status} ${JSON.stringify(made.body)}`);
    ids.set(title, made.body.document.id);
  }
  return ids;
}

const usage = { provider: 'offline', model: 'offline', inputTokens: 0, outputTokens: 0, cachedTokens: 0, costUsd: 0 };
export async function fillChat(client, ids) {
  await client.json('/api/ai/chats', { method: 'POST', json: { id: 'sample', title: 'Documents for an employment pass' } });
  const parts = (text) => [{ type: 'text', text }];
  await client.json('/api/ai/chats/sample/messages', { method: 'POST', json: { messages: [
    { id: 's1', role: 'user', parts: parts('Which documents do we need for an employment pass?') },
    { id: 's2', role: 'assistant', parts: [
      { type: 'tool-search', toolCallId: 'k1', state: 'output-available', input: { q: 'employment pass documents' }, output: { results: [{ title: 'Employment pass: documents we ask for' }, { title: 'Dependant pass' }] } },
      { type: 'tool-get_document', toolCallId: 'k2', state: 'output-available', input: { id: ids.get('Employment pass: documents we ask for') }, output: { title: 'Employment pass: documents we ask for' } },
      ...parts(`From [Employment pass: documents we ask for](/kb/${ids.get('Employment pass: documents we ask for')}):\n\n- Passport, all pages, valid for **seven months**\n- Degree and its verification\n- Employment contract, signed by both sides\n\n| step | who | days |\n|---|---|---|\n| collect | case officer | 5 |\n| file | case officer | 1 |\n| decide | ministry | 15 |\n\nBefore filing, the name is compared with the passport letter by letter.`),
      { type: 'data-usage', data: usage }] },
    { id: 's3', role: 'user', parts: parts('And for the spouse?') },
    { id: 's4', role: 'assistant', parts: [
      { type: 'tool-search', toolCallId: 'k3', state: 'output-available', input: { q: 'dependant pass' }, output: { results: [{ title: 'Dependant pass' }] } },
      ...parts('Spouse and children under 21 come in with a dependant pass; the main pass must be valid for six months more.'), { type: 'data-usage', data: usage }] },
  ] } });
}
