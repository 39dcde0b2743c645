// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.apiguardian.api.API;

/**
 * One service provider interface: its name on the command line, its provider type, and the plugin
 * that a machine takes when none is named.
 *
 * @param <P> the provider type
 */
@API(status = API.Status.MAINTAINED)
public final class Spi<P extends PluginProvider> {
  /** RAM, frames, nodes and zones. */
  public static final Spi<PhysicalMemoryProvider> PHYSICAL_MEMORY =
      new Spi<>("physical-memory", PhysicalMemoryProvider.class, "sparsemem");

  /** The free blocks of one zone. */
  public static final Spi<FrameAllocatorProvider> FRAME_ALLOCATOR =
      new Spi<>("frame-allocator", FrameAllocatorProvider.class, "buddy");

  /** {@code alloc_pages} over all zones. */
  public static final Spi<PageAllocatorProvider> PAGE_ALLOCATOR =
      new Spi<>("page-allocator", PageAllocatorProvider.class, "linux");

  /** What page tables look like: as many levels and bits as the machine has. */
  public static final Spi<PageTableFormatProvider> PAGE_TABLE =
      new Spi<>(
          "page-table",
          PageTableFormatProvider.class,
          arch ->
              switch (arch) {
                case X86_64 -> "x86-64";
                case X86_PAE -> "x86-pae";
                case X86_32, X86_32_24 -> "x86-32";
              });

  /** The page tables themselves, and what CPUs do with them. */
  public static final Spi<PageTablesProvider> PAGING =
      new Spi<>("paging", PageTablesProvider.class, arch -> "linux");

  /** Objects smaller than a page, and {@code kmalloc()}. */
  public static final Spi<SlabAllocatorProvider> SLAB =
      new Spi<>("slab", SlabAllocatorProvider.class, "slub");

  /** Which addresses of the vmalloc area are whose; a machine of 2.4 has a list. */
  public static final Spi<VmallocAllocatorProvider> VMALLOC =
      new Spi<>("vmalloc", VmallocAllocatorProvider.class, "rbtree", "vmlist");

  /** The VMAs of one address space: a maple tree as in 6.18; a machine of 2.4 has its own. */
  public static final Spi<VmaIndexProvider> VMA_INDEX =
      new Spi<>("vma-index", VmaIndexProvider.class, "maple", "rbtree");

  /** Tasks and their address spaces. */
  public static final Spi<ProcessFloorProvider> PROCESS =
      new Spi<>("process", ProcessFloorProvider.class, "linux");

  private static final List<Spi<?>> ALL =
      List.of(
          PHYSICAL_MEMORY,
          FRAME_ALLOCATOR,
          PAGE_ALLOCATOR,
          SLAB,
          PAGE_TABLE,
          PAGING,
          VMALLOC,
          VMA_INDEX,
          PROCESS);

  private final String id;
  private final Class<P> providerType;
  private final Function<Architecture, String> reference;

  private Spi(String id, Class<P> providerType, String reference) {
    this(id, providerType, arch -> reference);
  }

  private Spi(String id, Class<P> providerType, String reference, String referenceOf24) {
    this(id, providerType, arch -> arch == Architecture.X86_32_24 ? referenceOf24 : reference);
  }

  private Spi(String id, Class<P> providerType, Function<Architecture, String> reference) {
    this.id = Objects.requireNonNull(id);
    this.providerType = providerType;
    this.reference = reference;
  }

  /** Every SPI, in boot order. */
  public static List<Spi<?>> all() {
    return ALL;
  }

  /** The module of mm4j that has plugins of it, as an artifact. */
  String artifact() {
    return "io.mm4j:"
        + switch (id) {
          case "physical-memory" -> "mm-physical";
          case "frame-allocator", "page-allocator" -> "mm-buddy";
          case "slab" -> "mm-slab";
          case "page-table", "paging", "vmalloc" -> "mm-vmalloc";
          default -> "mm-process";
        };
  }

  /** The name on the command line. */
  public String id() {
    return id;
  }

  /** The service type that {@link java.util.ServiceLoader} looks for. */
  public Class<P> providerType() {
    return providerType;
  }

  /** The name of the plugin that is taken when none is named, of the machine x86-64. */
  public String reference() {
    return reference.apply(Architecture.X86_64);
  }

  /**
   * The name of the plugin that a machine of this kind takes when none is named: {@link
   * #reference()}, but for {@link Architecture#X86_32_24}, which has Linux 2.4's where there is
   * one, and page tables, which each kind has of its own.
   */
  public String reference(Architecture architecture) {
    return reference.apply(architecture);
  }

  @Override
  public String toString() {
    return id;
  }
}
