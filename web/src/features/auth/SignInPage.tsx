import { useSearch } from '@tanstack/react-router';
import { texts } from '../../ui/text';
import { Outside } from './Outside';
import { SignInForm } from './SignInForm';

const t = texts({ title: 'Sign in' });

export default function SignInPage() {
  const { from } = useSearch({ strict: false }) as { from?: unknown };
  // Only a path of this console: a link must not send people elsewhere after they signed in.
  const to = typeof from === 'string' && /^\/(?![/\\])/.test(from) && !from.startsWith('/sign-in') ? from : '/';
  return <Outside title={t('title')}><SignInForm onDone={() => location.assign(to)} /></Outside>;
}
