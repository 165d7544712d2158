/** Files that this page makes, among those that the browser keeps for it: on the disk, so that a large one takes no memory. */

/** After so long an earlier one has been saved elsewhere, or never will be. */
const KEPT_MS = 10 * 60_000

/** Null where the browser has no such files, or none in a private window. */
async function folderOfPage(): Promise<FileSystemDirectoryHandle | null> {
  return (await navigator.storage?.getDirectory?.().catch(() => null)) ?? null
}

/** A new file to write to, null where there is none. What was made some time before is taken away. */
export async function makeDraft(): Promise<FileSystemFileHandle | null> {
  await forgetDrafts(Date.now() - KEPT_MS)
  const folder = await folderOfPage()
  const draft = await folder?.getFileHandle(crypto.randomUUID(), { create: true })
  return draft?.createWritable ? draft : null
}

/** Takes away what was made before this time; what is being written stays. */
export async function forgetDrafts(before = Number.POSITIVE_INFINITY): Promise<void> {
  const folder = await folderOfPage()
  if (!folder) return
  for await (const entry of folder.values()) {
    const file = entry.kind === 'file' && (await (entry as FileSystemFileHandle).getFile())
    if (file && file.lastModified < before) await folder.removeEntry(entry.name).catch(() => undefined)
  }
}
