// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mm exec}. */
class ExecCommandTest {
  private static final Path PROGRAMS = Path.of("../mm-process/src/test/resources/elf");

  @TempDir Path dir;

  private static String program(String name) {
    return PROGRAMS.resolve(name).toString();
  }

  @Test
  void theMmStructOf24() {
    Cli run = Cli.mm("exec", program("areas32"), "--machine", "x86-32-2.4", "--memory", "64M");
    assertEquals(0, run.code(), run.err());
    for (String field :
        List.of(
            "mmap ",
            "mm_rb ",
            "mmap_cache ",
            "pgd ",
            "mm_users ",
            "mm_count ",
            "map_count ",
            "mmap_sem ",
            "page_table_lock ",
            "mmlist ",
            "start_code ",
            "end_code ",
            "start_data ",
            "end_data ",
            "start_brk ",
            "brk ",
            "start_stack ",
            "arg_start ",
            "arg_end ",
            "env_start ",
            "env_end ",
            "rss ",
            "total_vm ",
            "locked_vm ",
            "def_flags ",
            "cpu_vm_mask ",
            "swap_address ",
            "dumpable ",
            "context ")) {
      assertTrue(run.out().contains("\n  " + field), field + run.out());
    }
    assertTrue(run.out().contains("  mmap, by vm_next\n    vm_start=0x8048000"), run.out());
    assertTrue(run.out().contains("user space below 0xc0000000, the kernel's above"), run.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"x86-32", "x86-64"})
  void areasAndAddresses(String machine) {
    String name = program(machine.equals("x86-32") ? "areas32" : "areas64");
    Cli run =
        Cli.mm("exec", name, "--machine", machine, "--memory", "64M", "--json", "--at", "0x10");
    assertEquals(0, run.code(), run.err());
    List<?> areas = run.jsonList("areas");
    for (String area : List.of("code", "data", "bss", "stack", "kernel")) {
      assertTrue(
          areas.stream().anyMatch(a -> Objects.equals(((Map<?, ?>) a).get("area"), area)),
          run.out());
    }
    assertTrue(run.out().contains("a hole: an access is a SIGSEGV"), run.out());
    assertTrue(run.out().contains("\"mm_mt\""), run.out());
  }

  @Test
  void mallocAsksForHeapOrMapping() {
    Cli run = Cli.mm("exec", program("areas64"), "--memory", "64M", "--malloc", "1000,200000");
    assertTrue(run.out().contains("brk(0x428000) = 0x428000"), run.out());
    assertTrue(run.out().contains("mmap(NULL, 200704, PROT_READ|PROT_WRITE"), run.out());
    assertTrue(run.out().contains(", 200704) = 0"), run.out());
  }

  @Test
  void whatIsNoProgramSaysWhere() throws IOException {
    Path text = Files.writeString(dir.resolve("text"), "x".repeat(100));
    Cli run = Cli.mm("exec", text.toString());
    assertEquals(2, run.code());
    assertTrue(run.err().contains("byte 0x0"), run.err());
    Cli wide = Cli.mm("exec", program("areas64"), "--machine", "x86-32");
    assertEquals(2, wide.code());
    assertTrue(wide.err().contains("ENOEXEC"), wide.err());
  }
}
