// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CallCases.GROUP;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of the mappings that the kernel itself installs. */
public final class KernelMappingCases {
  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x32;

  private KernelMappingCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-42",
            "vdso",
            "The vdso moves and is remembered, is neither cut nor grown, and is forgotten when it"
                + " goes; a child knows it, too.",
            "vdso_mremap, special_mapping_split, arch_setup_additional_pages",
            KernelMappingCases::vdso),
        GROUP.rule(
            "AS-43",
            "clock-data",
            "Of [vvar] the pages of time and random numbers exist, of [vvar_vclock] the guest's"
                + " first; others are a SIGBUS, and locking passes over them.",
            "vvar_fault, vvar_vclock_fault (as recorded on a guest of KVM)",
            KernelMappingCases::clockData));
  }

  private static void load(Rig rig, String name, long at, long pages) {
    String perms = name.equals("[vdso]") ? "r-xp" : "r--p";
    rig.mm.loadVma(new VmaInfo(at, at + pages * PAGE, perms, 0, name, null, List.of(), ""));
  }

  private static void vdso(Rig rig) {
    load(rig, "[vdso]", A, 2);
    Looks.sum(rig, "the vdso", MmFields::context, A);
    Looks.flags(rig, A, "de");
    Rig child = rig.fork();
    Looks.sum(child, "the child's vdso", MmFields::context, A);
    child.unmap(A, 2 * PAGE);
    Looks.sum(child, "the child's vdso", MmFields::context, 0);
    child.mm.exit();
    rig.gives("moved", FAR, rig.mm.mremap(A, 2 * PAGE, 2 * PAGE, 3, FAR));
    Looks.sum(rig, "the vdso", MmFields::context, FAR);
    rig.gives("moved again", B, rig.mm.mremap(FAR, 2 * PAGE, 2 * PAGE, 3, B));
    Looks.sum(rig, "the vdso", MmFields::context, B);
    Looks.fails(rig, "a part", Errno.EINVAL, rig.mm.mremap(B, PAGE, PAGE, 3, FAR));
    Looks.fails(rig, "a part", Errno.EINVAL, rig.mm.mremap(B + PAGE, PAGE, PAGE, 3, FAR));
    Looks.fails(rig, "growing", Errno.EFAULT, rig.mm.mremap(B, 2 * PAGE, 3 * PAGE, 1, 0));
    Looks.fails(rig, "keeping", Errno.EINVAL, rig.mm.mremap(B, 2 * PAGE, 2 * PAGE, 5, FAR));
    Looks.fails(rig, "its first page", Errno.EINVAL, rig.mm.munmap(B, PAGE));
    Looks.fails(rig, "its last page", Errno.EINVAL, rig.mm.munmap(B + PAGE, PAGE));
    Looks.fails(rig, "its rights in part", Errno.EINVAL, rig.mm.mprotect(B, PAGE, READ));
    Looks.fails(rig, "over its end", Errno.EINVAL, rig.mm.mmap(B + PAGE, PAGE, 3, ANON, -1, 0));
    rig.gives("its rights", 0, rig.mm.mprotect(B, 2 * PAGE, READ));
    rig.gives("mlock", 0, rig.mm.mlock(B, 2 * PAGE));
    Looks.locked(rig, 0);
    Looks.works("a read", rig.mm.read(B).ok() ? 0 : -1);
    Looks.sum(rig, "the vdso", MmFields::context, B);
    rig.unmap(B, 2 * PAGE);
    Looks.sum(rig, "the vdso", MmFields::context, 0);
  }

  private static void clockData(Rig rig) {
    load(rig, "[vvar]", A, 4);
    load(rig, "[vvar_vclock]", A + 4 * PAGE, 2);
    Kind[] ends = {Kind.OK, Kind.BUS_ADRERR, Kind.OK, Kind.BUS_ADRERR, Kind.OK, Kind.BUS_ADRERR};
    for (int i = 0; i < ends.length; i++) {
      Looks.ends("page " + i, ends[i], rig.mm.read(A + i * PAGE));
    }
    Looks.ends("a write", Kind.SEGV_ACCERR, rig.mm.write(A, 1));
    rig.gives("mlock", 0, rig.mm.mlock(A, 6 * PAGE));
    Looks.locked(rig, 0);
    rig.gives("mlockall", 0, rig.mm.mlockall(1));
    Looks.fails(rig, "a part", Errno.EINVAL, rig.mm.munmap(A, PAGE));
    Looks.fails(rig, "keeping", Errno.EINVAL, rig.mm.mremap(A, 4 * PAGE, 4 * PAGE, 5, FAR));
    rig.gives("moved", FAR, rig.mm.mremap(A, 4 * PAGE, 4 * PAGE, 3, FAR));
    Looks.ends("page 2", Kind.OK, rig.mm.read(FAR + 2 * PAGE));
    Looks.ends("page 3", Kind.BUS_ADRERR, rig.mm.read(FAR + 3 * PAGE));
    rig.mm.peek(FAR, 16, 8L << 20);
    Looks.rss(rig, 0);
  }
}
