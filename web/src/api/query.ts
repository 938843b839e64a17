// Server data in React: one cache, keys by operation name and input.
import { CancelledError, QueryClient, useInfiniteQuery, useIsFetching, useMutation, useQuery, useQueryClient, type Query, type QueryFunctionContext, type UseQueryOptions } from '@tanstack/react-query';
import { call } from './client';
import { ApiError } from './errors';
import type { In, Operation, Out } from './operations';
import { afterSkeleton } from './skeleton';

// Refusals don't get better by asking again. The one that says when is repeated by what shows it, before people's eyes.
function again(count: number, error: Error): boolean {
  if (!(error instanceof ApiError)) return false;
  return (error.code === 'NETWORK' || error.status >= 502) && count < 2;
}

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: again,
        retryDelay: (count, error) => (error instanceof ApiError && error.retryAfterS ? error.retryAfterS * 1000 : 500 * 2 ** count),
        staleTime: 15_000,
        gcTime: 10 * 60_000,
        networkMode: 'offlineFirst',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}

export const keyOf = (name: Operation, input?: unknown): unknown[] => (input === undefined ? [name] : [name, input]);

const one = <N extends Operation>(name: N, input: In<N>) => ({ queryKey: keyOf(name, input), queryFn: ({ signal }: QueryFunctionContext) => afterSkeleton(call(name, input, { signal })) });

export function useCall<N extends Operation>(name: N, input: In<N>, options: Partial<UseQueryOptions<Out<N>, Error>> = {}) {
  return useQuery<Out<N>, Error>({ ...one(name, input), ...options });
}

interface Page { pagination: { hasMore: boolean; nextCursor?: string | null } }

const pages = <N extends Operation>(name: N, input: In<N>) => ({
  queryKey: keyOf(name, input),
  queryFn: ({ pageParam, signal }: { pageParam: string; signal: AbortSignal }) => afterSkeleton(call(name, { ...(input as object), ...(pageParam ? { cursor: pageParam } : {}) } as In<N>, { signal })),
  initialPageParam: '',
  getNextPageParam: (last: Out<N>) => {
    const { pagination } = last as Page;
    return pagination.hasMore ? (pagination.nextCursor ?? undefined) : undefined;
  },
});

// A list by cursor. `rows` picks what a page has.
export function useList<N extends Operation, T>(name: N, input: In<N>, rows: (page: Out<N>) => T[], options: { enabled?: boolean; refetchOnWindowFocus?: boolean } = {}) {
  const query = useInfiniteQuery({ ...pages(name, input), ...options });
  return { ...query, rows: query.data?.pages.flatMap(rows) ?? [] };
}

// What a screen reads first, named before its code is there: as useCall and as useList will ask for it.
export interface Reading { operation: Operation; read: (client: QueryClient) => Promise<unknown> }
export const reading = <N extends Operation>(operation: N, input: In<N>): Reading => ({ operation, read: (client) => client.prefetchQuery(one(operation, input)) });
export const readingList = <N extends Operation>(operation: N, input: In<N>): Reading => ({ operation, read: (client) => client.prefetchInfiniteQuery(pages(operation, input)) });

// What the page still waits for, with nothing to show meanwhile.
const awaited = { predicate: (query: Query) => query.isActive() && query.state.data === undefined && query.state.fetchStatus !== 'idle' && !query.observers.some((o) => o.getCurrentResult().isPlaceholderData) };
// Ends the wait for it: the requests are broken off, and their queries fail with what wasStopped knows. null: nothing is asked.
export function useStopWaiting(): () => (() => void) | null {
  const client = useQueryClient();
  return () => (client.getQueryCache().findAll(awaited).length ? () => void client.cancelQueries(awaited, { revert: false }) : null);
}
export const wasStopped = (error: unknown): boolean => error instanceof CancelledError;

// Is something that the page shows asked for anew? Further pages of a list say so themselves.
const asked = { predicate: (query: Query) => query.isActive() && !query.state.fetchMeta?.fetchMore && (query.state.data !== undefined || query.observers.some((o) => o.getCurrentResult().isPlaceholderData)) };
export const useRefreshing = (): boolean => useIsFetching(asked) > 0;

// A write; `refreshes` are the operations whose answers it makes old.
export function useDeed<N extends Operation>(name: N, refreshes: Operation[] = []) {
  const client = useQueryClient();
  return useMutation<Out<N>, Error, In<N>>({
    mutationFn: (input) => call(name, input),
    onSettled: () => Promise.all(refreshes.map((r) => client.invalidateQueries({ queryKey: [r] }))),
  });
}
