// How links to own records are shown: the shell gives it. Apart from Markdown, which not every page needs.
import { createContext, createElement, type ReactNode } from 'react';

export const OwnLink = createContext<(to: string, children: ReactNode) => ReactNode>((to, children) => createElement('a', { href: to }, children));
