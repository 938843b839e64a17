// Routes of the shell from the features' screens, and the two that stand outside of it.
import { createRootRoute, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router';
import { lazy, Suspense, type ComponentType } from 'react';
import { call, setWorkspace } from '../api/client';
import { isCode } from '../api/errors';
import { needOf } from '../api/operations';
import { keyOf, newQueryClient } from '../api/query';
import type { Screen } from '../ui/feature';
import { useMay, type Me } from '../ui/me';
import { Page } from '../ui/Page';
import { ErrorPanel, Forbidden, Loading, NotFound, Panel } from '../ui/states';
import { texts } from '../ui/text';
import { features } from './features';
import { Shell } from './Shell';
import { Toasts } from '../ui/Toasts';

const t = texts({ notFound: 'Not found', failed: 'The console could not start.' });
export const queryClient = newQueryClient();
export const meKey = keyOf('get_current_context', {});

export async function loadMe(): Promise<Me> {
  const me = await queryClient.ensureQueryData({ queryKey: meKey, queryFn: () => call('get_current_context', {}, { asksWho: true }), staleTime: Infinity });
  setWorkspace(me.workspace.id ?? null);
  return me;
}

function ScreenOf({ screen, content: Content }: { screen: Screen; content: ComponentType }) {
  const may = useMay();
  if (!may(screen.operation)) return <Page title={screen.area()}><Forbidden need={screen.operation ? needOf(screen.operation) : { roles: [], where: 'workspace' }} /></Page>;
  return <Panel><Suspense fallback={<Page title={screen.area()}><Loading /></Page>}><Content /></Suspense></Panel>;
}

const root = createRootRoute({ component: () => <><Outlet /><Toasts /></> });
const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      await loadMe();
    } catch (error) {
      if (isCode(error, 'UNAUTHORIZED')) throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { from: location.href } });
      throw error;
    }
  },
  errorComponent: ({ error, reset }) => <main><Page title={t('failed')}><ErrorPanel error={error} what={t('failed')} retry={() => { reset(); void router.invalidate(); }} /></Page></main>,
  notFoundComponent: () => <Page title={t('notFound')}><NotFound /></Page>,
});
const screens = features.flatMap((f) => f.screens).map((screen) => {
  const content = lazy(screen.load);
  return createRoute({ getParentRoute: () => shell, path: screen.path, component: () => <ScreenOf screen={screen} content={content} /> });
});
const missing = createRoute({ getParentRoute: () => shell, path: '$', component: () => <Page title={t('notFound')}><NotFound /></Page> });

const SignIn = lazy(() => import('../features/auth/SignInPage'));
const Invite = lazy(() => import('../features/auth/InvitePage'));
const signIn = createRoute({ getParentRoute: () => root, path: '/sign-in', component: () => <Suspense fallback={null}><SignIn /></Suspense> });
const invite = createRoute({ getParentRoute: () => root, path: '/invite/$token', component: () => <Suspense fallback={null}><Invite /></Suspense> });

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren([...screens, missing]), signIn, invite]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingMs: 200,
  defaultNotFoundComponent: () => <Page title={t('notFound')}><NotFound /></Page>,
});
