// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Which of mm4j's methods is which kernel function. All others are what a compiler inlines there,
 * or mm4j's own matter, and no line of a function graph.
 */
final class KernelNames {
  private static final Map<String, String> PAGES =
      Map.ofEntries(
          Map.entry("PageCalls.getFreePages", "__get_free_pages"),
          Map.entry("PageCalls.getFreePage", "__get_free_page"),
          Map.entry("PageCalls.getDmaPages", "__get_dma_pages"),
          Map.entry("PageCalls.freePagesAt", "__free_pages"),
          Map.entry("CpuPages.alloc", "alloc_pages"),
          Map.entry("CpuPages.free", "__free_pages"),
          Map.entry("LinuxCpuPages.allocSlow", "alloc_pages_node"),
          Map.entry("PageRequests.alloc", "__alloc_pages"),
          Map.entry("PageReturns.free", "__free_frozen_pages"),
          Map.entry("SlowPath.get", "__alloc_pages_slowpath"),
          Map.entry("FreelistWalk.get", "get_page_from_freelist"),
          Map.entry("FreelistWalk.rmqueue", "rmqueue"),
          Map.entry("FreelistWalk.handOut", "prep_new_page"),
          Map.entry("ZoneState.watermarkFast", "zone_watermark_fast"),
          Map.entry("ZoneState.watermarkOk", "__zone_watermark_ok"),
          Map.entry("PcpOps.take", "rmqueue_pcplist"),
          Map.entry("PcpOps.pop", "__rmqueue_pcplist"),
          Map.entry("PcpOps.refill", "rmqueue_bulk"),
          Map.entry("PcpOps.put", "free_frozen_page_commit"),
          Map.entry("PcpOps.drain", "free_pcppages_bulk"),
          Map.entry("PcpOps.drainAll", "drain_all_pages"),
          Map.entry("FreeListQueue.take", "__rmqueue"),
          Map.entry("FreeListQueue.claim", "__rmqueue_claim"),
          Map.entry("FreeListQueue.steal", "__rmqueue_steal"),
          Map.entry("BuddyFrameAllocator.expand", "expand"),
          Map.entry("BuddyFrameAllocator.freeInner", "__free_one_page"));

  private static final Map<String, String> OBJECTS =
      Map.ofEntries(
          Map.entry("CpuSlabs.alloc", "kmem_cache_alloc"),
          Map.entry("CpuSlabs.free", "kmem_cache_free"),
          Map.entry("CpuSlabs.kmalloc", "__kmalloc"),
          Map.entry("CpuSlabs.kfree", "slab_free"),
          Map.entry("CpuSlabSource.take", "___slab_alloc"),
          Map.entry("CpuSlabSource.fromNode", "get_partial_node"),
          Map.entry("CpuSlabSource.fromOthers", "get_any_partial"),
          Map.entry("CpuSlabSource.fresh", "new_slab"),
          Map.entry("CpuSlabSource.deactivate", "deactivate_slab"),
          Map.entry("CpuSlabSource.putPartial", "put_cpu_partial"),
          Map.entry("CpuSlabSource.putPartials", "__put_partials"),
          Map.entry("SlabPages.create", "allocate_slab"),
          Map.entry("SlabPages.discard", "discard_slab"),
          Map.entry("ObjectReturns.free", "__slab_free"),
          Map.entry("SlobHeap.alloc", "slob_alloc"),
          Map.entry("SlobHeap.free", "slob_free"),
          Map.entry("SlubAllocator.alloc", "kmem_cache_alloc"),
          Map.entry("SlobAllocator.alloc", "kmem_cache_alloc"),
          Map.entry("PageSlabAllocator.alloc", "kmem_cache_alloc"),
          Map.entry("BonwickAllocator.alloc", "____cache_alloc"),
          Map.entry("Sheaves.take", "alloc_from_pcs"),
          Map.entry("Sheaves.put", "free_to_pcs"),
          Map.entry("Sheaves.fill", "refill_sheaf"),
          Map.entry("Sheaves.flush", "sheaf_flush_unused"));

  private static final Map<String, String> SPACES =
      Map.ofEntries(
          Map.entry("LinuxAddressSpace.read", "exc_page_fault"),
          Map.entry("LinuxAddressSpace.write", "exc_page_fault"),
          Map.entry("LinuxAddressSpace.execute", "exc_page_fault"),
          Map.entry("LinuxAddressSpace.fault", "exc_page_fault"),
          Map.entry("Touch.attempt", "do_user_addr_fault"),
          Map.entry("StackGrowth.grow", "expand_stack"),
          Map.entry("FaultHandler.handle", "handle_mm_fault"),
          Map.entry("FaultHandler.once", "__handle_mm_fault"),
          Map.entry("FaultHandler.poolPage", "hugetlb_fault"),
          Map.entry("AnonFault.zeroed", "do_anonymous_page"),
          Map.entry("FileFault.handle", "do_fault"),
          Map.entry("FileFault.readIfAbsent", "filemap_fault"),
          Map.entry("FileFault.around", "filemap_map_pages"),
          Map.entry("FaultHandler.writePresent", "do_wp_page"),
          Map.entry("HugeFault.map", "do_huge_pmd_anonymous_page"),
          Map.entry("HugeFault.write", "do_huge_pmd_wp_page"),
          Map.entry("AnonVmas.prepare", "__anon_vma_prepare"),
          Map.entry("Frames.newAnon", "vma_alloc_folio"),
          Map.entry("Frames.newCopy", "vma_alloc_folio"),
          Map.entry("PageTable.makeTable", "__pte_alloc"),
          Map.entry("PageTable.makeDirectory", "__pmd_alloc"),
          Map.entry("VmaTree.find", "find_vma"),
          Map.entry("MapleVmaIndex.find", "mt_find"),
          Map.entry("MapleVmaIndex.gapAbove", "mas_empty_area"),
          Map.entry("MapleVmaIndex.gapBelow", "mas_empty_area_rev"),
          Map.entry("MapleVmaIndex.insert", "mas_store_prealloc"),
          Map.entry("MapleVmaIndex.erase", "mas_erase"),
          Map.entry("MapleVmaIndex.setRange", "mas_store_prealloc"),
          Map.entry("VmaTree.allocate", "vm_area_alloc"),
          Map.entry("VmaTree.duplicate", "vm_area_dup"),
          Map.entry("Accounting.mayLock", "mlock_future_ok"),
          Map.entry("UnmappedArea.get", "__get_unmapped_area"),
          Map.entry("UnmappedArea.topDown", "arch_get_unmapped_area_topdown"),
          Map.entry("UnmappedArea.bottomUp", "arch_get_unmapped_area"),
          Map.entry("UnmappedArea.hugeAligned", "thp_get_unmapped_area_vmflags"),
          Map.entry("MmapCall.doMmap", "do_mmap"),
          Map.entry("MapRegion.map", "mmap_region"),
          Map.entry("Accounting.mayExpand", "may_expand_vm"),
          Map.entry("VmaMerger.mergeNew", "vma_merge_new_range"),
          Map.entry("VmaMerger.mergeExisting", "vma_merge_existing_range"),
          Map.entry("VmaMerger.modify", "vma_modify"),
          Map.entry("VmaMerger.split", "__split_vma"),
          Map.entry("Unmapper.munmap", "__vm_munmap"),
          Map.entry("Unmapper.unmap", "do_vmi_munmap"),
          Map.entry("Unmapper.gather", "vms_gather_munmap_vmas"),
          Map.entry("Unmapper.complete", "vms_complete_munmap_vmas"));

  private static final Map<String, String> CALLS =
      Map.ofEntries(
          Map.entry("LinuxAddressSpace.mmap", "__x64_sys_mmap"),
          Map.entry("LinuxAddressSpace.munmap", "__x64_sys_munmap"),
          Map.entry("LinuxAddressSpace.mprotect", "__x64_sys_mprotect"),
          Map.entry("LinuxAddressSpace.mremap", "__x64_sys_mremap"),
          Map.entry("LinuxAddressSpace.brk", "__x64_sys_brk"),
          Map.entry("LinuxAddressSpace.madvise", "__x64_sys_madvise"),
          Map.entry("LinuxAddressSpace.mlock", "__x64_sys_mlock"),
          Map.entry("LinuxAddressSpace.mlock2", "__x64_sys_mlock2"),
          Map.entry("LinuxAddressSpace.munlock", "__x64_sys_munlock"),
          Map.entry("LinuxAddressSpace.mlockall", "__x64_sys_mlockall"),
          Map.entry("LinuxAddressSpace.munlockall", "__x64_sys_munlockall"),
          Map.entry("LinuxAddressSpace.msync", "__x64_sys_msync"),
          Map.entry("LinuxAddressSpace.mincore", "__x64_sys_mincore"),
          Map.entry("LinuxAddressSpace.mseal", "__x64_sys_mseal"),
          Map.entry("LinuxAddressSpace.fork", "dup_mm"),
          Map.entry("LinuxAddressSpace.exit", "exit_mmap"),
          Map.entry("MmapCall.mmap", "ksys_mmap_pgoff"),
          Map.entry("MprotectCall.mprotect", "do_mprotect_pkey"),
          Map.entry("MprotectCall.fixup", "mprotect_fixup"),
          Map.entry("MremapCall.mremap", "do_mremap"),
          Map.entry("VmaMover.move", "move_vma"),
          Map.entry("BrkCall.vmBrk", "vm_brk_flags"),
          Map.entry("MadviseCall.madvise", "do_madvise"),
          Map.entry("MlockCalls.fixup", "mlock_fixup"),
          Map.entry("ForkCall.copy", "copy_page_range"),
          Map.entry("Populate.range", "__mm_populate"),
          Map.entry("Populate.part", "populate_vma_page_range"),
          Map.entry("PageRanges.zap", "unmap_page_range"),
          Map.entry("PageRanges.protect", "change_protection"),
          Map.entry("PageRanges.freeTables", "free_pgd_range"),
          Map.entry("PageRanges.move", "move_page_tables"),
          Map.entry("RbtreeAllocator.alloc", "alloc_vmap_area"),
          Map.entry("RbtreeAllocator.free", "free_vmap_area_noflush"),
          Map.entry("RbtreeAllocator.purge", "__purge_vmap_area_lazy"),
          Map.entry("VmlistAllocator.alloc", "get_vm_area"),
          Map.entry("Mapper.map", "vmap_pages_range_noflush"),
          Map.entry("Mapper.unmap", "vunmap_range_noflush"));

  /** Methods that have the name of their kernel function, in Java's spelling. */
  private static final Set<String> SPELT =
      Set.of(
          "allocPages",
          "freePages",
          "getZeroedPage",
          "allocPagesExact",
          "freePagesExact",
          "allocContigRange",
          "freeContigRange",
          "splitPage",
          "kmalloc",
          "kzalloc",
          "krealloc",
          "kfree",
          "ksize",
          "kmemCacheCreate",
          "kmemCacheDestroy",
          "kmemCacheShrink",
          "kmemCacheAlloc",
          "kmemCacheFree",
          "kmemCacheAllocBulk",
          "kmemCacheFreeBulk",
          "vmalloc",
          "vzalloc",
          "vmallocUser",
          "vmalloc32",
          "vmallocHuge",
          "kvmalloc",
          "vfree",
          "kvfree",
          "vmap",
          "vunmap",
          "ioremap",
          "iounmap",
          "kmap",
          "kunmap",
          "expand");

  /** What a method is called because of what it takes, or of whose it is. */
  private static final Set<String> BY_KIND =
      Set.of(
          "__alloc_pages",
          "alloc_pages_node",
          "create_kmalloc_cache",
          "kmem_cache_alloc",
          "kmem_cache_free",
          "__rmqueue_smallest",
          "page_del_and_expand",
          "__free_one_page");

  private KernelNames() {}

  /** Whether a line of a graph of mm4j's own floors may have this name. */
  static boolean isName(String function) {
    return BY_KIND.contains(function)
        || Stream.of(PAGES, OBJECTS, SPACES, CALLS).anyMatch(names -> names.containsValue(function))
        || SPELT.stream().anyMatch(method -> spelt(method).equals(function));
  }

  /** A method's own name in the kernel's spelling. */
  static String spelt(String method) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < method.length(); i++) {
      char c = method.charAt(i);
      if (Character.isUpperCase(c)) {
        text.append('_').append(Character.toLowerCase(c));
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }

  /**
   * The kernel's name of a method.
   *
   * @param method {@code Type.method}
   * @return null if it is the method's own, spelt as the kernel spells
   */
  static @Nullable String of(String method) {
    String name = PAGES.get(method);
    name = name == null ? OBJECTS.get(method) : name;
    name = name == null ? SPACES.get(method) : name;
    name = name == null ? CALLS.get(method) : name;
    return name == null ? ofFrames(method) : name;
  }

  /** Of every frame allocator, what is the kernel's in the place of its calls. */
  private static @Nullable String ofFrames(String method) {
    int dot = method.indexOf('.');
    if (!method.substring(0, dot).endsWith("FrameAllocator")) {
      return null;
    }
    return switch (method.substring(dot + 1)) {
      case "allocate" -> "__rmqueue_smallest";
      case "allocateFrom" -> "page_del_and_expand";
      case "free", "freeToTail" -> "__free_one_page";
      default -> null;
    };
  }

  /**
   * Whether a method of mm4j's own floors is a function of the kernel, and so a line. What a
   * compiler inlines there, and what mm4j has for itself, is none.
   *
   * @param type the simple name of its type
   */
  static boolean isShown(String type, String method, int parameters) {
    // With a node it only looks whether it may leave the node out.
    boolean passesOn = parameters == 3 && type.equals("CpuPages") && method.equals("alloc");
    return !passesOn && (SPELT.contains(method) || of(type + "." + method) != null);
  }
}
