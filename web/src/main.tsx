import { nonce } from './app/first';
import './ui/mantine-styles';
import './ui/roles.css';
import './ui/base.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { queryClient, router } from './app/router';
import { reloadOnceForNewVersion } from './app/version';
import { Look } from './ui/theme';

reloadOnceForNewVersion();
const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <Look nonce={nonce}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </Look>,
  );
