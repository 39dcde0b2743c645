// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.root;

import io.mm4j.api.pagetable.TableShape;
import java.util.concurrent.atomic.AtomicLong;

/** One root: the frame of its top table, and what is known of it beside RAM. */
public final class Root {
  /** The frame of the top table. */
  public final long pfn;

  /** Its place in the registry; written before it is found there. */
  int slot;

  /** Whether it is the kernel's. */
  public final boolean kernel;

  /** Tables below the top one, by level. Changed by whoever may change the root. */
  private final long[] tables = new long[TableShape.MAX_LEVELS + 1];

  /** How often translations of it were to be forgotten: {@code tlb_gen}. */
  private final AtomicLong generation = new AtomicLong();

  private volatile boolean alive = true;

  /**
   * A root that the registry does not know yet.
   *
   * @param pfn the frame of its top table
   */
  public Root(long pfn, boolean kernel) {
    this.pfn = pfn;
    this.kernel = kernel;
  }

  /** How many tables of this level it has. */
  public long tables(int level) {
    return tables[level];
  }

  /** Counts tables that come, or go if negative. */
  public void count(int level, int change) {
    tables[level] += change;
  }

  /** {@code tlb_gen}. */
  public long generation() {
    return generation.get();
  }

  /** Translations of it are to be forgotten; returns the generation that begins. */
  public long nextGeneration() {
    return generation.incrementAndGet();
  }

  /** Whether it has not been freed. */
  public boolean isAlive() {
    return alive;
  }

  void end() {
    alive = false;
  }
}
