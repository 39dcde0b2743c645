// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Architecture;
import org.apiguardian.api.API;

/**
 * How a 32-bit kernel was built and in which of its historical forms it lays out the addresses
 * above lowmem.
 *
 * <p>The older form (Linux 2.4 to 2.6.28) gives lowmem 896 MiB and rounds the beginning of the
 * vmalloc area to 8 MiB; the newer one gives lowmem what 128 MiB of vmalloc area below the pkmap
 * area leave, and begins that area 8 MiB behind it. See {@code VMALLOC_START} and {@code MAXMEM} in
 * arch/x86/include/asm/pgtable_32_areas.h.
 *
 * @param older whether it is the older form
 * @param highmemSupport {@code CONFIG_HIGHMEM}: there is a pkmap area, whether or not the machine
 *     has high memory
 * @param pkmap {@code PKMAP_BASE}
 * @param pkmapPages {@code LAST_PKMAP}: 1024, or 512 with PAE
 * @param fixmapStart {@code FIXADDR_START}; varies with the configuration
 */
@API(status = API.Status.EXPERIMENTAL)
public record KernelForm(
    boolean older, boolean highmemSupport, long pkmap, int pkmapPages, long fixmapStart) {
  /** {@code FIXADDR_TOP}: one past the last address of the fixmap. */
  public static final long FIXMAP_END = 0xffff_f000L;

  /** {@code PKMAP_BASE} since 2.6. */
  public static final long PKMAP = 0xff80_0000L;

  /** {@code PKMAP_BASE} of Linux 2.4. */
  public static final long PKMAP_24 = 0xfe00_0000L;

  private static final long LOWEST = 0xf000_0000L;

  /** Checks the borders. */
  public KernelForm {
    check(pkmap, "pkmap", FIXMAP_END - pkmapPages * 4096L);
    check(fixmapStart, "fixmap", FIXMAP_END - 4096);
    if (highmemSupport && pkmap + pkmapPages * 4096L > fixmapStart) {
      throw new InputException(
          String.format("the pkmap area reaches into the fixmap: 0x%x", pkmap),
          "pkmap",
          String.format("up to 0x%x", fixmapStart - pkmapPages * 4096L));
    }
  }

  private static void check(long address, String name, long last) {
    if (address < LOWEST || address > last || (address & 4095) != 0) {
      throw new InputException(
          String.format("the %s cannot begin at 0x%x", name, address),
          name,
          String.format("multiples of a page from 0x%x to 0x%x", LOWEST, last));
    }
  }

  /** The form that a kind of machine has; of x86-64 nothing in it counts. */
  public static KernelForm of(Architecture architecture) {
    boolean pae = architecture == Architecture.X86_PAE;
    return new KernelForm(
        architecture == Architecture.X86_32_24,
        true,
        PKMAP,
        pae ? 512 : 1024,
        pae ? 0xffc5_7000L : 0xfff1_6000L);
  }

  /** The same without support for high memory. */
  public KernelForm withoutHighmem() {
    return new KernelForm(older, false, pkmap, pkmapPages, fixmapStart);
  }

  /** The same with the pkmap area here. */
  public KernelForm withPkmap(long address) {
    return new KernelForm(older, highmemSupport, address, pkmapPages, fixmapStart);
  }

  /** The same with the fixmap from here on. */
  public KernelForm withFixmap(long address) {
    return new KernelForm(older, highmemSupport, pkmap, pkmapPages, address);
  }

  /** {@code VMALLOC_END}: two pages below the pkmap area, or below the fixmap if there is none. */
  public long vmallocEnd() {
    return (highmemSupport ? pkmap : fixmapStart) - 2 * 4096;
  }
}
