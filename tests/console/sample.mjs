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

const first = 'Which documents do we need for an employment pass?', second = 'And for the spouse?';
const permit = 'Employment pass: documents we ask for';

// A question, and its whole answer.
export async function asked(client, thread, text) {
  const r = await client.fetch('/api/ai/chat', { method: 'POST', json: { id: thread, messages: [{ id: `${thread}-${text.length}`, role: 'user', parts: [{ type: 'text', text }] }] } });
  const answer = await r.text();
  if (!r.ok || !answer.includes('[DONE]')) throw new Error(`${text}: ${r.status} ${answer.slice(0, 400)}`);
}

// A thread as people have it: asked and answered, by the offline assistant or by what stands in for a model.
export async function fillChat(client, thread = 'sample') {
  await asked(client, thread, first);
  await asked(client, thread, second);
  const named = await client.json(`/api/ai/chats/${thread}`, { method: 'PATCH', json: { title: 'Documents for an employment pass' } });
  if (named.status !== 200) throw new Error(`title: ${named.status} ${JSON.stringify(named.body)}`);
}

// What a model says to these questions: `answers(ids)` for a Provider.
export function answers(ids) {
  const page = (title) => `[${title}](/kb/${ids.get(title)})`;
  const scripts = {
    [first]: [
      ['search', { q: 'employment pass documents' }], ['get_document', { id: ids.get(permit) }], ['get_document', { id: ids.get('Fees 2026') }],
      `From ${page(permit)}:\n\n- Passport, all pages, valid for **seven months**\n- Degree and its verification\n- Employment contract, signed by both sides\n\n| step | who | days |\n|---|---|---|\n| collect | case officer | 5 |\n| file | case officer | 1 |\n| decide | ministry | 15 |\n\nThe amounts stand in ${page('Fees 2026')}. Before filing, the name is compared with the passport letter by letter.`,
    ],
    [second]: [['search', { q: 'dependant pass' }], `Spouse and children under 21 come in with a ${page('Dependant pass')}; the main pass must be valid for six months more.`],
    'Which pass is it for?': [['ask_question', { question: 'Which pass is it for?', options: ['Employment pass', 'Dependant pass', 'Student pass'] }], 'Then these are the papers.'],
  };
  return async (run) => {
    const step = run.step, script = scripts[run.prompt] ?? [`I have no script for “${run.prompt}”.`], next = script[Math.min(step, script.length - 1)];
    if (typeof next === 'string') run.text(next);
    else run.tool(`call-${step}-${run.prompt.length}`, ...next);
  };
}
