// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;
import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;

/**
 * How a 32-bit kernel divides RAM into lowmem, which has permanent addresses, and high memory:
 * {@code find_low_pfn_range()} of arch/x86/mm/init_32.c (Linux 6.18), with what {@code vmalloc=}
 * and {@code highmem=} say. On 64 bits all RAM is lowmem.
 *
 * @param lowPfn {@code max_low_pfn}: one past the last frame of lowmem
 * @param endPfn {@code max_pfn}: one past the last frame that is used
 * @param notes what the kernel would say about the two parameters
 */
@API(status = API.Status.EXPERIMENTAL)
public record LowMemory(long lowPfn, long endPfn, List<String> notes) {
  /** A parameter was not given. */
  public static final long NOT_GIVEN = -1;

  private static final long OFFSET = 8 << 20;
  private static final long RESERVE = 128 << 20;
  private static final long LEAST_LOWMEM = (64 << 20) >> Pages.PAGE_SHIFT;

  /** Copies the list. */
  public LowMemory {
    notes = List.copyOf(notes);
  }

  /**
   * {@code MAXMEM}: the most bytes of lowmem.
   *
   * @param vmalloc the value of {@code vmalloc=} in bytes, or {@link #NOT_GIVEN}. Since 2.6.25 the
   *     gap of 8 MiB comes on top of it
   * @throws InputException if nothing would be left
   */
  public static long maxBytes(Architecture architecture, KernelForm form, long vmalloc) {
    if (architecture.is64Bit()) {
      return architecture.lowmemEnd();
    }
    long reserve = vmalloc == NOT_GIVEN ? RESERVE : vmalloc + (form.older() ? 0 : OFFSET);
    long end = form.older() ? 1L << 32 : form.vmallocEnd();
    long most = end - architecture.pageOffset() - (LEAST_LOWMEM << Pages.PAGE_SHIFT);
    long least = form.older() ? (1L << 32) - form.vmallocEnd() + 2 * OFFSET : OFFSET + (1 << 20);
    if (reserve < least || reserve > most) {
      throw new InputException(
          "a vmalloc area of " + vmalloc + " bytes",
          "vmalloc=",
          String.format(
              "%d to %d MiB here",
              (least - (form.older() ? 0 : OFFSET) + (1 << 20) - 1) >> 20,
              (most - (form.older() ? 0 : OFFSET)) >> 20));
    }
    return (end - architecture.pageOffset() - reserve) & -Pages.PAGE_SIZE;
  }

  /**
   * Divides RAM.
   *
   * @param ramEndPfn one past the last frame of RAM
   * @param vmalloc the value of {@code vmalloc=} in bytes, or {@link #NOT_GIVEN}
   * @param highmem the value of {@code highmem=} in bytes, or {@link #NOT_GIVEN}
   */
  public static LowMemory of(
      Architecture architecture, KernelForm form, long ramEndPfn, long vmalloc, long highmem) {
    if (architecture.is64Bit()) {
      return new LowMemory(ramEndPfn, ramEndPfn, List.of());
    }
    long most = maxBytes(architecture, form, vmalloc) >>> Pages.PAGE_SHIFT;
    long high = highmem == NOT_GIVEN ? NOT_GIVEN : highmem >>> Pages.PAGE_SHIFT;
    List<String> notes = new ArrayList<>();
    if (!form.highmemSupport()) {
      if (ramEndPfn > most) {
        notes.add("without support for high memory only " + (most >> 8) + " MiB of RAM are used");
      }
      long low = Math.min(ramEndPfn, most);
      return new LowMemory(low, low, notes);
    }
    return ramEndPfn <= most
        ? allLow(ramEndPfn, high, notes)
        : someHigh(ramEndPfn, most, high, notes);
  }

  /** {@code lowmem_pfn_init()}: all of RAM could be lowmem. */
  private static LowMemory allLow(long endPfn, long high, List<String> notes) {
    if (high <= 0) {
      return new LowMemory(endPfn, endPfn, notes);
    }
    if (high >= endPfn) {
      notes.add("highmem= is more than there is RAM, and ignored");
      return new LowMemory(endPfn, endPfn, notes);
    }
    if (endPfn - high < LEAST_LOWMEM) {
      notes.add("highmem= would leave less than 64 MiB of lowmem, and is ignored");
      return new LowMemory(endPfn, endPfn, notes);
    }
    return new LowMemory(endPfn - high, endPfn, notes);
  }

  /** {@code highmem_pfn_init()}: there is more RAM than lowmem can be. */
  private static LowMemory someHigh(long endPfn, long most, long high, List<String> notes) {
    if (high == NOT_GIVEN) {
      return new LowMemory(most, endPfn, notes);
    }
    if (high + most > endPfn) {
      notes.add(
          "highmem= asks for more than the "
              + ((endPfn - most) >> 8)
              + " MiB that there are above lowmem, and is ignored");
      return new LowMemory(most, endPfn, notes);
    }
    return new LowMemory(most, most + high, notes);
  }
}
