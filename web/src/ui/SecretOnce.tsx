// What is shown once: closed only by "I have stored it", which waits for Copy or Download. It never enters a cache, the
// URL, a storage or a log: it lives in the state of whoever shows it.
import { Button, Modal } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { CopyButton } from './CopyButton';
import css from './SecretOnce.module.css';
import { texts } from './text';

const t = texts({ stored: 'I have stored it', first: 'Copy or download it first.', download: 'Download', once: 'It is shown this one time.' });

export function SecretOnce({ title, secret, lead, file, onStored }: { title: string; secret: string | null; lead?: ReactNode; file: string; onStored: () => void }) {
  const [taken, setTaken] = useState(false);
  useEffect(() => {
    if (!secret) return;
    setTaken(false);
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [secret]);
  const download = () => {
    const url = URL.createObjectURL(new Blob([secret ?? ''], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = file;
    link.click();
    URL.revokeObjectURL(url);
    setTaken(true);
  };
  return (
    <Modal opened={secret !== null} onClose={() => {}} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} title={title} size="lg">
      {lead}
      <p>{t('once')}</p>
      <pre className={css.secret} dir="ltr" tabIndex={0}>{secret}</pre>
      <div className={css.buttons}>
        <CopyButton text={secret ?? ''} onCopied={() => setTaken(true)} />
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={download}>{t('download')}</Button>
        <Button disabled={!taken} title={taken ? undefined : t('first')} onClick={onStored}>{t('stored')}</Button>
      </div>
    </Modal>
  );
}
