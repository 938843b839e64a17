/* A layer between SQLite and its file layer: what one transaction appends to the write-ahead log
 * reaches the file in one write, not in two a page. Source: sqlite.org/vfs.html, walformat.html.
 *
 * Only for a connection that syncs at each commit (synchronous=FULL): the log is written, whole,
 * before it is synced, and others see its pages only after that. */
#ifndef DB_VFS_WAL_H
#define DB_VFS_WAL_H

/* Name of the layer over `base` (NULL: the default one), registered when it is first asked for.
 * NULL: there is no such base. From any thread. */
const char *vfs_wal_over(const char *base);

#endif
