// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Explainer;
import io.mm4j.api.process.MissingPages;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.page.HugeMaps;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.MemPolicy;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import io.mm4j.process.vma.VmaMerger;
import io.mm4j.process.vma.VmaTree;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The state of one address space ({@code struct mm_struct}, and of its task what memory calls look
 * at: limits, capabilities, personality, descriptors). Calls change it; {@link Accounting} holds
 * the sums.
 */
public final class Mm {
  public static final long PAGE = 4096;
  public static final long PAGE_MASK = -PAGE;

  /**
   * Bytes that one page table maps, and a huge page where the machine has them ({@code
   * HPAGE_PMD_SIZE}): 2 MiB, but 4 MiB on x86-32 without PAE.
   */
  public final long hugeBytes;

  public final AddressSpaceConfig config;
  public final FloorContext context;
  public final VmaTree vmas;
  public final PageTable pages;
  public final VmaMerger merger;
  public final Accounting accounting;

  /** What it maps of the pools of huge pages. */
  public final HugeMaps huge;

  public final Map<Integer, OpenFile> descriptors = new HashMap<>();

  /** Who has it. */
  public final MmRefs refs = new MmRefs();

  /** User pointers of 64-bit processes end where their user space does. */
  private static final long USER_PTR_MAX = 0x7ffffffff000L;

  /** Page tables of more levels have more than the window of mappings without a hint. */
  private static final int LEVELS_OF_WINDOW = 4;

  private MmLayout layout;

  /** {@code TASK_SIZE_MAX} with five levels of page tables, 0 with fewer. */
  private final long fullTaskSize;

  /** {@code def_flags}: what mlockall adds to every new mapping. */
  public long defFlags;

  /** Current break, in bytes. */
  public long brk;

  /** Address of the vdso, 0 if it was unmapped ({@code context.vdso}). */
  public long vdso;

  /** The gate page is shown in maps (64-bit processes). */
  public boolean hasGate;

  /** Who is asked for missing pages, or null. */
  public @Nullable MissingPages missingPages;

  /** In {@link #thpDisable}: VMAs with MADV_HUGEPAGE have huge pages all the same. */
  public static final long EXCEPT_ADVISED = 2;

  /** In {@link #mdwe}: neither children nor programs that are executed have it. */
  public static final long MDWE_NO_INHERIT = 2;

  /** What {@code PR_GET_THP_DISABLE} gives: bit 0, and {@link #EXCEPT_ADVISED}. */
  public long thpDisable;

  /** {@code PR_SET_MDWE}: bit 0 denies memory that becomes executable. */
  public long mdwe;

  /** The one key that a CPU without keys seems to have was asked for. */
  public boolean pkeyLost;

  /** Its protection keys; null where the CPU has none. */
  public final @Nullable ProtectionKeys keys;

  /** {@code task->mempolicy}: of memory that has none of its own; null for the default. */
  public @Nullable MemPolicy policy;

  /** {@code MMF_VM_MERGE_ANY}: whatever can be merged by KSM may be. */
  public boolean mergesAny;

  /** By which number others name it; 0 as long as it is in no floor. */
  public int pid;

  /** {@code get_dumpable() == SUID_DUMP_USER}: processes of its user may look into it. */
  public boolean dumpable = true;

  /** {@code euid}. */
  public long uid;

  /** {@code egid}. */
  public long gid;

  /** Who is told of page faults and of searches for room; mostly nobody. */
  public @Nullable MmEvents events;

  private Set<Capability> capabilities;
  private final long[] softLimits;
  private @Nullable Explainer explainer;

  /** An empty address space. */
  public Mm(AddressSpaceConfig config, FloorContext context) {
    this(
        config,
        context,
        new long[] {
          config.asBytes(), config.dataBytes(), config.stackBytes(), config.memlockBytes()
        },
        context.hasProtectionKeys ? new ProtectionKeys() : null);
    brk = layout.brk();
  }

  private Mm(
      AddressSpaceConfig config,
      FloorContext context,
      long[] softLimits,
      @Nullable ProtectionKeys keys) {
    this.config = config;
    this.context = context;
    this.layout = config.layout();
    this.softLimits = softLimits;
    uid = config.uid();
    gid = config.gid();
    capabilities = config.capabilities();
    pages = new PageTable(context.frames());
    hugeBytes = pages.hugeBytes();
    vmas =
        new VmaTree(
            context.indexes.get(), context::allocationFails, context.frames().anonTable(), pages);
    merger = new VmaMerger(vmas, pages.huge()::splitAt);
    accounting = new Accounting(this);
    huge = pages.hugeMaps(context.hugePools());
    this.keys = keys;
    boolean five = context.frames().format().levels() > LEVELS_OF_WINDOW && !layout.compat32();
    fullTaskSize = five ? context.frames().format().kernel().userEnd() : 0;
  }

  /** An empty address space of a child: same settings, limits, break and descriptors. */
  public Mm childWithoutVmas() {
    ProtectionKeys same = keys == null ? null : new ProtectionKeys(keys);
    Mm child = new Mm(config, context, softLimits.clone(), same);
    child.layout = layout;
    child.brk = brk;
    child.vdso = vdso;
    child.hasGate = hasGate;
    child.pkeyLost = pkeyLost;
    child.vmas.actor = pid;
    child.dumpable = dumpable;
    child.inherit(this);
    return child;
  }

  /**
   * What fork and exec leave as it was: descriptors, and what prctl has said of memory ({@code
   * mmf_init_legacy_flags}).
   */
  public void inherit(Mm from) {
    thpDisable = from.thpDisable;
    mdwe = (from.mdwe & MDWE_NO_INHERIT) != 0 ? 0 : from.mdwe;
    descriptors.putAll(from.descriptors);
    policy = from.policy;
    mergesAny = from.mergesAny;
    uid = from.uid;
    gid = from.gid;
    capabilities = from.capabilities;
  }

  /** {@code fdget()}: what a descriptor stands for; one that names a place only is none. */
  public @Nullable OpenFile open(int fd) {
    OpenFile open = descriptors.get(fd);
    return open == null || open.mode() == OpenFile.Mode.PATH ? null : open;
  }

  /** {@code get_unused_fd_flags()} and {@code fd_install()}: the lowest descriptor that is free. */
  public int newDescriptor(OpenFile open) {
    int fd = 0;
    while (descriptors.containsKey(fd)) {
      fd++;
    }
    descriptors.put(fd, open);
    return fd;
  }

  /** {@code cap_emulate_setxuid()}: who is not root any more may do nothing special. */
  public void dropCapabilities() {
    capabilities = Set.of();
  }

  /** Where exec put things. */
  public MmLayout layout() {
    return layout;
  }

  /** Things are there; so is the break. */
  public void placed(MmLayout places) {
    layout = places;
    brk = places.brk();
    vmas.changed();
  }

  /** Machine-wide settings. */
  public MmSysctls sysctls() {
    return context.sysctls.now(config.sysctls());
  }

  /** {@code TASK_SIZE}: end of user space. */
  public long taskSize() {
    return fullTaskSize == 0 ? layout.taskSize() : fullTaskSize;
  }

  /**
   * {@code DEFAULT_MAP_WINDOW}: where user space ends for who gives no hint above it; with five
   * levels of page tables that is below its end.
   */
  public long mapWindow() {
    return layout.taskSize();
  }

  /** {@code access_ok()}: whether a range that a call is given may lie in user space. */
  public boolean userRange(long addr, long len) {
    long end = addr + len;
    long most = fullTaskSize == 0 ? USER_PTR_MAX : fullTaskSize;
    return Long.compareUnsigned(end, addr) >= 0 && Long.compareUnsigned(end, most) <= 0;
  }

  /** Whether an address is one that the CPU can translate. */
  public boolean isCanonical(long addr) {
    long end = fullTaskSize == 0 ? 1L << 47 : 1L << 56;
    return addr < end && addr >= -end;
  }

  /** {@code vm.max_map_count}. */
  public int maxMapCount() {
    return sysctls().maxMapCount();
  }

  /** Lowest address that a search or a rounded hint gives ({@code mmap_min_addr}). */
  public long mmapMinAddr() {
    return Math.max(sysctls().mmapMinAddr(), sysctls().lsmMmapMinAddr());
  }

  /** Stack guard gap in bytes. */
  public long guardGapBytes() {
    return sysctls().stackGuardGapPages() * PAGE;
  }

  /** Whether the process may. */
  public boolean capable(Capability capability) {
    return capabilities.contains(capability);
  }

  /** {@code cap_issubset()}: whether it may all that another may. */
  public boolean hasAllOf(Mm other) {
    return capabilities.containsAll(other.capabilities);
  }

  private static int slot(ResourceLimit resource) {
    return switch (resource) {
      case AS -> 0;
      case DATA -> 1;
      case STACK -> 2;
      case MEMLOCK -> 3;
    };
  }

  /** Soft limit in bytes, unsigned. */
  public long limit(ResourceLimit resource) {
    return softLimits[slot(resource)];
  }

  /** Soft limit in whole pages; never negative. */
  public long limitPages(ResourceLimit resource) {
    return softLimits[slot(resource)] >>> 12;
  }

  /** Sets a soft limit. */
  public void setLimit(ResourceLimit resource, long bytes) {
    softLimits[slot(resource)] = bytes;
  }

  /** Whether huge pages may serve faults in a VMA that asked for nothing. */
  public ThpMode thp() {
    return config.thp();
  }

  /** Whether prctl keeps huge pages from a VMA ({@code vma_thp_disabled}). */
  public boolean thpDisabled(long vmFlags) {
    return thpDisable != 0
        && ((thpDisable & EXCEPT_ADVISED) == 0 || (vmFlags & VmFlags.HUGEPAGE) == 0);
  }

  /** Where a mapping's guard gap begins ({@code vm_start_gap}): its start, unless it grows down. */
  public long startGap(Vma vma) {
    if (!vma.has(VmFlags.GROWSDOWN)) {
      return vma.start;
    }
    return Math.max(0, vma.start - guardGapBytes());
  }

  /** {@code arch_vma_access_permitted()}: whether its thread may use a mapping by its key. */
  public boolean allows(Vma vma, boolean write) {
    return keys == null || keys.allows(VmFlags.key(vma.flags), write);
  }

  /** {@code vm_page_prot} of a VMA. */
  public long prot(Vma vma) {
    return vma.pageProt(context.frames().format());
  }

  /**
   * Whether a page that is mapped at an address is one of a file or of shared memory, no anonymous
   * one. Of the pool of huge pages the mapping tells, and of a private one the cache of its file.
   */
  public boolean isFilePage(Vma vma, long addr, long page) {
    if (!vma.has(VmFlags.HUGETLB)) {
      return !context.frames().isAnon(page);
    }
    return vma.has(VmFlags.MAYSHARE)
        || (vma.backing != null
            && context.hugePools().of(vma.backing).cached(vma.backing, vma.hugeIndexAt(addr))
                == page);
  }

  /** What it maps of the pool that a VMA has its pages of. */
  public HugeMap huge(Vma vma) {
    return huge.of(vma.hugeLevel());
  }

  /** {@code VM_SOFTDIRTY} of what is mapped anew: nobody has looked at it. */
  public long newFlags() {
    return pages.tracksSoftDirty() ? VmFlags.SOFTDIRTY : 0;
  }

  /** {@code ksm_vma_flags}: flags of a new mapping. */
  public long mergeable(long flags) {
    return mergesAny && VmFlags.canMergePages(flags) ? flags | VmFlags.MERGEABLE : flags;
  }

  /** The frame that user memory at an address has, {@link Frames#NONE} for none and zero pages. */
  public long userFrame(long addr) {
    return pages.pageAt(addr);
  }

  /**
   * Walks everything that is mapped and compares it with VMAs, sums and frames.
   *
   * @throws io.mm4j.api.CorruptStateError naming what contradicts what
   */
  public void validatePages() {
    new SpaceCheck(this).run();
  }

  /** Tells reasons to somebody, or to nobody. */
  public void explainTo(@Nullable Explainer explainer) {
    this.explainer = explainer;
    merger.explainTo(explainer);
  }

  /** Whether anybody listens; ask before making up a sentence. */
  public boolean explaining() {
    return explainer != null;
  }

  /** A reason. */
  public void because(String topic, String reason) {
    if (explainer != null) {
      explainer.because(topic, reason);
    }
  }

  /** A negated errno with the reason for it; the sentence must be a constant. */
  public long error(int errno, String reason) {
    if (explainer != null) {
      explainer.because("error", io.mm4j.api.process.Errno.nameOf(errno) + ": " + reason);
    }
    return -errno;
  }

  /** {@code PAGE_ALIGN}: rounds up, may wrap to 0. */
  public static long pageAlign(long bytes) {
    return bytes + PAGE - 1 & PAGE_MASK;
  }
}
