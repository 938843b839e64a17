// The ledger as a file. What the server refuses (too many rows) is said, never saved.
import { useState } from 'react';
import { download } from '../../api/client';
import { ApiError } from '../../api/errors';
import type { In } from '../../api/operations';
import { save } from '../../ui/save';
import { texts } from '../../ui/text';
import { notify } from '../../ui/toast-store';

const t = texts({ failed: 'The file was not made: {why}', done: '{name} was saved.' });

export function useCsv(): { busy: boolean; get: (filter: In<'export_ai_usage'>) => void } {
  const [busy, setBusy] = useState(false);
  const get = (filter: In<'export_ai_usage'>) => {
    setBusy(true);
    download('export_ai_usage', filter).then(({ blob, filename }) => {
      save(blob, filename);
      notify({ kind: 'done', text: t('done', { name: filename }) });
    }).catch((error: unknown) => {
      const field = error instanceof ApiError ? Object.entries(error.fieldErrors)[0] : undefined;
      notify({ kind: 'failed', text: t('failed', { why: field ? `${field[0]} ${field[1][0] ?? ''}` : error instanceof Error ? error.message : String(error) }) });
    }).finally(() => setBusy(false));
  };
  return { busy, get };
}
