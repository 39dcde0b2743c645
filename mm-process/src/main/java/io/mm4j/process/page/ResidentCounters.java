// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How many pages of each kind are mapped: {@code mm->rss_stat}. Somebody may want to be told, as by
 * {@code trace_rss_stat()}: at the end of a step that the kernel counts as one, so that a fault
 * that maps sixteen pages of a file is told once, and so is a table whose pages go.
 */
public final class ResidentCounters {
  /** In the order of the kernel's {@code MM_FILEPAGES}, {@code MM_ANONPAGES} .. */
  private static final PageKind[] ORDER = {PageKind.FILE, PageKind.ANON, PageKind.SHMEM};

  private final long[] pages = new long[ORDER.length];
  private final long[] told = new long[ORDER.length];
  private @Nullable ObjLongConsumer<PageKind> listener;

  long of(PageKind kind) {
    return pages[kind.slot];
  }

  long sum() {
    return pages[0] + pages[1] + pages[2];
  }

  void add(PageKind kind, long change) {
    pages[kind.slot] += change;
  }

  /** Who is told from now on; null for nobody. */
  public void tellTo(@Nullable ObjLongConsumer<PageKind> to) {
    System.arraycopy(pages, 0, told, 0, pages.length);
    listener = to;
  }

  /** A step has ended: tells what has changed in it. */
  public void tell() {
    if (listener != null) {
      tell(listener);
    }
  }

  private void tell(ObjLongConsumer<PageKind> to) {
    for (PageKind kind : ORDER) {
      if (pages[kind.slot] != told[kind.slot]) {
        told[kind.slot] = pages[kind.slot];
        to.accept(kind, pages[kind.slot]);
      }
    }
  }
}
