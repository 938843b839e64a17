// Routes of the shell from the features' screens, and the two that stand outside of it.
import { createRootRoute, createRoute, createRouter, Outlet, redirect } from '@tanstack/react-router';
import { lazy, Suspense, useState, type ComponentType } from 'react';
import { call, setWorkspace } from '../api/client';
import { isCode } from '../api/errors';
import { mayCall, needOf } from '../api/operations';
import { keyOf, newQueryClient } from '../api/query';
import type { Screen } from '../ui/feature';
import { useMay, type Me } from '../ui/me';
import { Page } from '../ui/Page';
import { ErrorPanel, Forbidden, Loading, NotFound, Panel } from '../ui/states';
import { texts } from '../ui/text';
import { features } from './features';
import { Shell } from './Shell';
import { fetchedAhead, unlessReloading } from './version';
import { Tips } from '../ui/Tips';
import { Toasts } from '../ui/Toasts';

const t = texts({ notFound: 'Not found', failed: 'The console could not start.' });
export const queryClient = newQueryClient();
export const meKey = keyOf('get_current_context', {});

export async function loadMe(): Promise<Me> {
  const me = await queryClient.ensureQueryData({ queryKey: meKey, queryFn: () => call('get_current_context', {}, { asksWho: true }), staleTime: Infinity });
  setWorkspace(me.workspace.id ?? null);
  return me;
}

// The code of a screen: there is nothing to wait for in React when it came before the screen was shown.
class Piece {
  private content: ComponentType | undefined;
  private readonly later: ComponentType;
  private readonly load: Screen['load'];
  constructor(load: Screen['load']) {
    this.load = unlessReloading(load);
    this.later = lazy(this.load);
  }
  // What fails here is tried again when it is shown, where it can be said.
  fetch = (ahead = false): Promise<void> => (ahead ? fetchedAhead(this.load) : this.load()).then((m) => void (this.content = m.default), () => {});
  get shown(): ComponentType {
    return this.content ?? this.later;
  }
}

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption { piece?: Piece }
}

// Code that does not come cannot be broken off, but left: to where one was.
const leave = (): void => (router.history.canGoBack() ? router.history.back() : void router.navigate({ to: '/' }));

function ScreenOf({ screen, piece }: { screen: Screen; piece: Piece }) {
  const may = useMay(), [Content] = useState(() => piece.shown);
  if (!may(screen.operation)) return <Page title={screen.area()}><Forbidden need={screen.operation ? needOf(screen.operation) : { roles: [], where: 'workspace' }} /></Page>;
  return <Panel around={(failed) => <Page title={screen.area()}>{failed}</Page>}><Suspense fallback={<Page title={screen.area()}><Loading onCancel={leave} /></Page>}><Content /></Suspense></Panel>;
}

const root = createRootRoute({ component: () => <><Outlet /><Toasts /><Tips /></> });
const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location, matches, preload }) => {
    void matches.at(-1)?.staticData.piece?.fetch(preload);
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

// The first page of a visit is shown once, whole: its code and what it reads come side by side, as soon as it is known who
// asks; what takes longer than a moment is waited for in the page, which says so. Later pages are there at once.
const momentMs = 1000;
let arrived = false;
async function arrive(screen: Screen, piece: Piece, at: { params: object; search: object }): Promise<void> {
  const code = piece.fetch();
  if (arrived) return;
  arrived = true;
  const me = await loadMe();
  const readings = (screen.first?.(at as Parameters<NonNullable<Screen['first']>>[0]) ?? []).filter((r) => mayCall(me, r.operation));
  await Promise.race([Promise.all([code, ...readings.map((r) => r.read(queryClient))]), new Promise((r) => setTimeout(r, momentMs))]);
}

const screens = features.flatMap((f) => f.screens).map((screen) => {
  const piece = new Piece(screen.load);
  return createRoute({
    getParentRoute: () => shell,
    path: screen.path,
    staticData: { piece },
    component: () => <ScreenOf screen={screen} piece={piece} />,
    beforeLoad: ({ params, search, preload }) => (preload ? void piece.fetch(true) : arrive(screen, piece, { params, search })),
  });
});
const missing = createRoute({ getParentRoute: () => shell, path: '$', component: () => <Page title={t('notFound')}><NotFound /></Page> });

const SignIn = lazy(unlessReloading(() => import('../features/auth/SignInPage')));
const Invite = lazy(unlessReloading(() => import('../features/auth/InvitePage')));
const signIn = createRoute({ getParentRoute: () => root, path: '/sign-in', component: () => <Suspense fallback={null}><SignIn /></Suspense> });
const invite = createRoute({ getParentRoute: () => root, path: '/invite/$token', component: () => <Suspense fallback={null}><Invite /></Suspense> });

export const router = createRouter({
  routeTree: root.addChildren([shell.addChildren([...screens, missing]), signIn, invite]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultPendingMs: 200,
  defaultNotFoundComponent: () => <Page title={t('notFound')}><NotFound /></Page>,
});
