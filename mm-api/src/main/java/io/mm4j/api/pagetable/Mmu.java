// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import org.apiguardian.api.API;

/**
 * What one CPU translates with: the root it has loaded, its address-space identifier, and its TLB.
 * Walks that miss the TLB read the tables in RAM, and set accessed and dirty bits there, as the
 * hardware does.
 *
 * <p>The TLB is a cache that is not kept coherent: an entry that was changed in RAM is used in its
 * old form until it is flushed, and {@link #stale} finds such entries. The CPU's caches of upper
 * tables are not modelled.
 *
 * <p>Two calls load a root. {@link #loadDirectory} is what the hardware does with CR3; {@link
 * #switchTo} is what Linux does above it: it gives the root one of six identifiers and keeps its
 * translations as long as nothing was flushed meanwhile ({@code choose_new_asid()},
 * arch/x86/mm/tlb.c, Linux 6.18). Who uses the first must leave the second alone, and the other way
 * round.
 *
 * <p>Threads: the owner of the CPU. No call allocates an object but {@link #stats}.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface Mmu {
  /** A kind of access: a write. */
  int WRITE = 1 << 1;

  /** A kind of access: from user mode. */
  int USER = 1 << 2;

  /** A kind of access: a fetch of code. */
  int FETCH = 1 << 4;

  /** In the code of a fault: the page was there, and the access not allowed. */
  int FAULT_PROTECTION = 1;

  /** In the code of a fault: no page fault, the address was not canonical. */
  int FAULT_CANONICAL = 1 << 8;

  /** No identifiers: another root's translations go whenever one is loaded. */
  int NO_ASID = 0;

  /** How many identifiers {@link #switchTo} uses. */
  int DYNAMIC_ASIDS = 6;

  /** How many identifiers the hardware tells apart: 4096, or 1 if it knows none. */
  int asids();

  /** The root that is loaded, or {@link PageTables#NO_ROOT}. */
  long root();

  /** The identifier with which it is loaded. */
  int asid();

  /**
   * {@code switch_mm_irqs_off()}: from now on addresses are those of this root.
   *
   * @param root of a process or the kernel's; {@link PageTables#NO_ROOT} unloads the one that is
   *     loaded
   */
  void switchTo(long root);

  /**
   * A write to CR3. Translations of the identifier go, but global ones, unless they are kept.
   *
   * @param asid 0 to {@code asids() - 1}: the PCID
   * @param keep the highest bit of the value: what is in the TLB for the identifier stays; needs
   *     identifiers
   */
  void loadDirectory(long root, int asid, boolean keep);

  /**
   * An access to a linear address.
   *
   * @param kind {@link #WRITE}, {@link #USER}, {@link #FETCH}, joined by {@code |}
   * @return the physical address; or a negative number, of which {@link #faultCode} says why
   */
  long access(long address, int kind);

  /** The error code of a result of {@link #access} below 0, as the CPU pushes it. */
  static int faultCode(long result) {
    return (int) result & 0x1ff;
  }

  /**
   * What the TLB has for an address of the root that is loaded; no table is read.
   *
   * @return a physical address, or {@link PageTables#NOT_MAPPED}
   */
  long cached(long address);

  /** {@code invlpg}: forgets an address, in the present identifier, and if it is global. */
  void flushOne(long address);

  /**
   * The same for every page of {@code [start, end)}; no more than the TLB's size in steps.
   *
   * @param end one past the last address
   */
  void flushSpan(long start, long end);

  /** Forgets an identifier, but not what is global: {@code invpcid} of one context. */
  void flushAsid(int asid);

  /**
   * Forgets everything.
   *
   * @param global whether global translations go, too
   */
  void flushAll(boolean global);

  /** Translations in the TLB now, of any identifier. */
  int size();

  /**
   * Compares what accesses may find in the TLB - of this root, global, or of another one that
   * {@link #switchTo} would return to without a flush - with the tables in RAM.
   *
   * @return how many translations lead elsewhere or allow more than the tables say
   */
  int stale();

  /** The address of a stale translation; 0 if there is none, see {@link #stale}. */
  long firstStale();

  /** What has happened so far. */
  MmuStats stats();
}
