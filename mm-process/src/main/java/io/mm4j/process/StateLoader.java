// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/** Puts VMAs of a recorded start state into an empty address space. */
final class StateLoader {
  /** Where exec builds every stack before it moves it; page offsets of stacks stem from there. */
  private static final long STACK_TOP_MAX = 0x7ffffffff000L;

  private static final String ANON_NAME = "[anon:";

  private final Mm mm;

  StateLoader(Mm mm) {
    this.mm = mm;
  }

  void load(VmaInfo info) {
    if (info.name().equals("[vsyscall]")) {
      mm.hasGate = true;
      return;
    }
    if (((info.start() | info.end()) & Mm.PAGE - 1) != 0
        || info.start() < 0
        || info.end() <= info.start()
        || info.end() > mm.layout().taskSize()
        || mm.vmas.intersection(info.start(), info.end()) != null) {
      throw new IllegalArgumentException(
          "start=0x"
              + Long.toHexString(info.start())
              + " end=0x"
              + Long.toHexString(info.end())
              + ": empty, not page-aligned, overlapping or above task_size=0x"
              + Long.toHexString(mm.layout().taskSize()));
    }
    Vma vma = mm.vmas.allocate(info.start(), info.end());
    vma.special =
        switch (info.name()) {
          case "[vdso]" -> Vma.Special.VDSO;
          case "[vvar]" -> Vma.Special.VVAR;
          case "[vvar_vclock]" -> Vma.Special.VVAR_VCLOCK;
          default -> Vma.Special.NONE;
        };
    vma.flags =
        info.flags().isEmpty()
            ? flagsOf(info, vma.special) | mm.newFlags()
            : VmFlags.parse(info.flags());
    vma.uffd = vma.hasAny(VmFlags.UFFD) ? mm.context.userfaults.unknown(mm) : null;
    vma.file = info.file();
    if (vma.special == Vma.Special.VDSO) {
      mm.vdso = vma.start;
      FileObject image =
          new FileObject(
              mm.context.frames(), new MappedFile("[vdso]", MappedFile.Kind.OTHER, info.bytes()));
      vma.backing = image;
      image.ofKernel();
      image.whenUnmapped(image::release);
      if (!mm.layout().compat32()) {
        image.mapElsewhere();
      }
    } else if (info.file() != null
        && (info.file().file().kind() != MappedFile.Kind.DEV_ZERO || vma.has(VmFlags.SHARED))) {
      vma.backing = mm.context.files.of(info.file().file());
    }
    if (mm.context.anonVmaNames && info.name().startsWith(ANON_NAME)) {
      vma.anonName = info.name().substring(ANON_NAME.length(), info.name().length() - 1);
    }
    vma.pgoff = pgoff(info, vma);
    mm.vmas.insert(vma);
    mm.accounting.add(vma.flags, vma.pages());
    if (vma.has(VmFlags.LOCKED)) {
      mm.accounting.lockedVm += vma.pages();
    }
    if (vma.has(VmFlags.ACCOUNT)) {
      mm.accounting.chargeUnchecked(vma.pages());
    }
    loadPages(vma, info.pages());
  }

  private long pgoff(VmaInfo info, Vma vma) {
    if (vma.special != Vma.Special.NONE) {
      return 0;
    }
    if (vma.file != null) {
      return info.offsetBytes() >>> 12;
    }
    if (info.name().equals("[stack]") && mm.layout().compat32()) {
      return (STACK_TOP_MAX - (info.end() - info.start())) >>> 12;
    }
    return info.start() >>> 12;
  }

  private void loadPages(Vma vma, String runs) {
    if (runs.isEmpty() || runs.equals("?")) {
      return;
    }
    long at = vma.start;
    for (String run : runs.split(",", -1)) {
      long count = Long.parseLong(run.substring(1));
      char letter = run.charAt(0);
      for (long i = 0; i < count && letter != '.'; i++) {
        if (!loadPage(vma, at + (i << 12), letter)) {
          throw new IllegalArgumentException(
              "pages=" + run + ": there are not so many page frames in the machine");
        }
      }
      at += count << 12;
    }
  }

  /** False if memory is out. */
  private boolean loadPage(Vma vma, long at, char letter) {
    Frames frames = mm.context.frames();
    long prot = mm.prot(vma);
    if (!mm.pages.makeTable(at)) {
      return false;
    }
    switch (letter) {
      case 'A', 'a' -> {
        AnonVmas.prepare(mm.vmas, vma);
        long pfn = frames.newUnknown(vma, vma.pgoffAt(at));
        if (pfn == Frames.NONE) {
          return false;
        }
        long entry = mm.pages.entry(pfn, prot);
        // Somebody has written to it, whatever may be done now.
        long dirty = frames.format().bits().mkdirty(entry);
        mm.pages.map(at, pfn, vma.has(VmFlags.WRITE) ? mm.pages.written(entry) : dirty);
      }
      case 'F', 'f' -> {
        long pfn = vma.backing == null ? Frames.NONE : vma.backing.page(vma.pgoffAt(at));
        if (pfn == Frames.NONE) {
          return vma.backing == null;
        }
        mm.pages.mapCached(at, pfn, mm.pages.entry(pfn, prot));
      }
      case 'z', 'Z' -> {
        if (frames.zeroPage() == Frames.NONE) {
          return false;
        }
        mm.pages.mapZero(at, mm.pages.zeroEntry(frames.zeroPage(), prot));
      }
      case 'g' -> mm.pages.mapGuard(at);
      default -> throw new IllegalArgumentException("unknown page letter=" + letter);
    }
    return true;
  }

  private static long flagsOf(VmaInfo info, Vma.Special special) {
    String perms = info.perms();
    long flags = VmFlags.MAY_ACCESS;
    flags |= perms.charAt(0) == 'r' ? VmFlags.READ : 0;
    flags |= perms.charAt(1) == 'w' ? VmFlags.WRITE : 0;
    flags |= perms.charAt(2) == 'x' ? VmFlags.EXEC : 0;
    if (special == Vma.Special.VDSO) {
      return flags | VmFlags.DONTEXPAND;
    }
    if (special != Vma.Special.NONE) {
      return VmFlags.READ
          | VmFlags.MAYREAD
          | VmFlags.PFNMAP
          | VmFlags.IO
          | VmFlags.DONTEXPAND
          | VmFlags.DONTDUMP;
    }
    if (perms.charAt(3) == 's') {
      flags |= VmFlags.SHARED | VmFlags.MAYSHARE;
      if (info.file() != null && !info.file().mode().canWrite()) {
        flags &= ~(VmFlags.SHARED | VmFlags.MAYWRITE);
      }
    }
    if (info.name().equals("[stack]")) {
      flags |= VmFlags.GROWSDOWN;
    }
    return VmFlags.isAccountable(flags) ? flags | VmFlags.ACCOUNT : flags;
  }
}
