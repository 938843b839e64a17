// Four questions for somebody who has asked none: about this workspace's own pages, as far as it has some.
import { useCall } from '../../api/query';
import { useMay } from '../../ui/me';
import { texts } from '../../ui/text';
import css from './Conversation.module.css';
import { starters } from './starting';

const t = texts({
  says: 'What does “{title}” say?', main: 'What are the main points of “{title}”?', todo: 'What has to be done according to “{title}”?',
  able: 'What can you do here?', pages: 'Which pages are in the knowledge base?', who: 'Who is in this workspace?', last: 'What changed last?',
});

export function Starters({ onAsk }: { onAsk: (text: string) => void }) {
  const may = useMay(), own = may('list_documents');
  const pages = useCall('list_documents', { limit: 5 }, { enabled: own });
  // Nothing is put under a pointer that was about to press something else.
  if (own && pages.isPending) return <div className={css.chips} data-waits />;
  const titles = (pages.data?.documents ?? []).filter((d) => d.kind === 'PAGE' && d.title.trim()).map((d) => d.title);
  return (
    <div className={css.chips}>
      {starters(titles).map(({ text, title }) => {
        const question = title === undefined ? t(text) : t(text, { title });
        return <button key={text} type="button" className={css.chip} dir="auto" onClick={() => onAsk(question)}>{question}</button>;
      })}
    </div>
  );
}
