// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MmFields;
import io.mm4j.cli.explain.Explanation.Step;
import java.util.List;
import java.util.Locale;

/** The steps of an exec that has succeeded: fs/exec.c and fs/binfmt_elf.c of Linux 6.18. */
final class ExecSteps {
  /**
   * The address space that was replaced.
   *
   * @param root the frame of its top table
   * @param users {@code mm_users} before
   * @param rss its resident pages
   */
  record Old(long root, int users, long rss) {}

  private ExecSteps() {}

  static void succeeded(
      List<Step> steps, ExecRequest request, AddressSpace now, int arguments, Old old) {
    ElfImage image = request.program().image();
    MmFields fields = now.fields();
    MmFields.Places places = fields.places();
    steps.add(
        new Step(
            "bprm_mm_init",
            String.format(
                Locale.ROOT,
                "a new mm_struct with page directory 0x%x and a stack of its own, into which %d"
                    + " arguments were copied before anything was lost",
                TopTables.frame(now),
                arguments)));
    steps.add(
        new Step(
            "begin_new_exec",
            String.format(
                Locale.ROOT,
                "the point of no return: exec_mmap() loads the new directory; of the old one (0x%x)"
                    + " mm_users goes from %d to %d%s",
                old.root(),
                old.users(),
                old.users() - 1,
                old.users() == 1
                    ? ", so that mmput() unmaps all of it: "
                        + old.rss()
                        + " pages of rss, and their tables"
                    : ": others still have it")));
    for (ElfImage.Segment segment : image.segments()) {
      if (segment.type() == ElfImage.PT_LOAD) {
        steps.add(new Step("elf_load", segment(segment)));
      }
    }
    steps.add(
        new Step(
            "set_brk",
            String.format(
                Locale.ROOT,
                "start_code=0x%x end_code=0x%x start_data=0x%x end_data=0x%x start_brk=brk=0x%x",
                places.startCode(),
                places.endCode(),
                places.startData(),
                places.endData(),
                places.startBrk())));
    steps.add(
        new Step(
            "create_elf_tables",
            String.format(
                Locale.ROOT,
                "argc, argv, envp and the auxiliary vector at start_stack=0x%x; arguments from 0x%x"
                    + " to 0x%x",
                places.startStack(),
                places.argStart(),
                places.argEnd())));
    steps.add(
        new Step(
            "start_thread",
            "user mode begins in "
                + (image.interpreter() == null ? "the program" : image.interpreter())
                + "; "
                + fields.rssPages()
                + " pages are resident, "
                + fields.totalVmPages()
                + " mapped: the rest comes with faults"));
  }

  private static String segment(ElfImage.Segment s) {
    boolean code = (s.flags() & ElfImage.PF_X) != 0;
    return String.format(
        Locale.ROOT,
        "p_vaddr=0x%x p_offset=0x%x p_filesz=0x%x p_memsz=0x%x %s%s%s: %s%s",
        s.vaddr(),
        s.offset(),
        s.fileBytes(),
        s.memoryBytes(),
        (s.flags() & ElfImage.PF_R) != 0 ? "r" : "-",
        (s.flags() & ElfImage.PF_W) != 0 ? "w" : "-",
        code ? "x" : "-",
        code ? "code" : (s.flags() & ElfImage.PF_W) != 0 ? "data" : "read-only data",
        s.memoryBytes() > s.fileBytes()
            ? ", and " + (s.memoryBytes() - s.fileBytes()) + " bytes of bss behind it"
            : "");
  }
}
