// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TranslateCommandTest {
  private static Map<?, ?> translation(String... args) {
    Cli run = Cli.mm(args);
    assertEquals(0, run.code(), run.err());
    return (Map<?, ?>) run.jsonList("translations").getFirst();
  }

  /** The direct map of each kind of machine. */
  @ParameterizedTest
  @CsvSource({
    "x86-64, x86-64, 0xffff888000200123, 3",
    "x86-64, la57, 0xff11000000200123, 4",
    "x86-32, x86-32, 0xc0200123, 2",
    "x86-32-2.4, x86-32, 0xc0200123, 2",
    "x86-pae, x86-pae, 0xc0200123, 2"
  })
  void theDirectMapIsAnOffset(String machine, String format, String address, int steps) {
    Map<?, ?> map =
        translation(
            "translate",
            address,
            "--machine",
            machine,
            "--plugin",
            "page-table=" + format,
            "--memory",
            "64M",
            "--json");
    assertEquals(format, map.get("format"));
    assertEquals("0x200123", map.get("physical"));
    assertEquals(steps, ((List<?>) Objects.requireNonNull(map.get("steps"))).size());
    assertEquals(address, map.get("linear"));
  }

  /** A vmalloc address and one of kmap: as steps before give them. */
  @ParameterizedTest
  @CsvSource({
    "x86-64, vmalloc 1M, 0xffffc90000000000, 4",
    "x86-32, vmalloc 1M, 0xf7ffe000, 2",
    "x86-pae, kmap 0x40000, 0xff800000, 3",
    "x86-32-2.4, kmap 0x40000, 0xff800000, 2"
  })
  void whatStepsHaveMapped(String machine, String step, String address, int levels) {
    Map<?, ?> map =
        translation(
            "translate", "$1", "--steps", step, "--machine", machine, "--memory", "4G", "--json");
    assertEquals(address, map.get("linear"));
    assertEquals(true, map.get("mapped"));
    assertEquals(levels, ((List<?>) Objects.requireNonNull(map.get("steps"))).size());
    Cli wrong = Cli.mm("translate", "$2", "--steps", step, "--machine", machine);
    assertEquals(2, wrong.code(), wrong.out());
    Cli none = Cli.mm("translate", "$1");
    assertEquals(2, none.code(), none.out());
  }

  @Test
  void aWrongStepIsNamedWhereItWasTyped() {
    Cli wrong = Cli.mm("translate", "$1", "--steps", "vmalloc 1M; mmap 4K");
    assertEquals(2, wrong.code(), wrong.out());
    assertTrue(wrong.err().contains("--steps 'vmalloc 1M; mmap 4K'"), wrong.err());
    assertFalse(wrong.err().contains("mm explain"), wrong.err());
  }

  @Test
  void aMappedPageHasAFrameAndTheRestHasNot() {
    Cli run = Cli.mm("translate", "0x8048123", "0x8049000", "--map", "0x8048000", "--json");
    assertEquals(0, run.code(), run.err());
    List<?> list = run.jsonList("translations");
    Map<?, ?> mapped = (Map<?, ?>) list.get(0);
    Map<?, ?> hole = (Map<?, ?>) list.get(1);
    assertEquals(true, mapped.get("mapped"));
    assertEquals("ANON", mapped.get("owner"));
    assertTrue(String.valueOf(mapped.get("physical")).endsWith("123"));
    assertEquals(false, hole.get("mapped"));
    List<?> steps = (List<?>) Objects.requireNonNull(hole.get("steps"));
    assertEquals("none", ((Map<?, ?>) Objects.requireNonNull(steps.getLast())).get("kind"));
    Cli text = Cli.mm("translate", "0x8048123", "--map", "0x8048000");
    assertTrue(text.out().contains("owner ANON, mapped once, 1 reference"), text.out());
  }

  @Test
  void anAddressBeyondTheSegmentIsAFault() {
    Cli run = Cli.mm("translate", "0x1ffffffff", "--machine", "x86-32");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("general protection fault: beyond the limit 0xffffffff"));
    Cli wide = Cli.mm("translate", "0x800000000000");
    assertTrue(wide.out().contains("not canonical"), wide.out());
  }

  @Test
  void everyStepNamesItsFrame() {
    Cli run = Cli.mm("translate", "0xffffc90000000000");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().contains("PGD       frame 0x"), run.out());
    assertTrue(run.out().contains("-> nothing is there"), run.out());
    assertTrue(run.out().contains("none: an access is a page fault"), run.out());
  }

  @ParameterizedTest
  @CsvSource({
    "nonsense, --root, kernel",
    "0x1000, --root, other",
    "0x1000, --contents, none",
    "0x1000, --map, 0xffff888000000000",
    "0x1000, --plugin, page-table=x86-32",
    "0x1000, --plugin, paging=linux:vmalloc-sync=never"
  })
  void wrongInputIsAnswered(String address, String option, String value) {
    Cli wrong = Cli.mm("translate", address, option, value);
    assertEquals(2, wrong.code(), wrong.err());
    assertTrue(wrong.err().contains("allowed:"), wrong.err());
  }

  /** A page that the recorded process has written, one that it has not, and one outside. */
  @Test
  void addressesOfARecordedProcess() {
    String recording = ExplainCommandTest.CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    Cli run =
        Cli.mm(
            "translate",
            "0x403010",
            "0x400000",
            "0x5",
            "0xffff888000200123",
            "--after",
            recording,
            "--at",
            "1",
            "--json");
    assertEquals(0, run.code(), run.err());
    List<?> list = run.jsonList("translations");
    Map<?, ?> written = (Map<?, ?>) Objects.requireNonNull(list.get(0));
    assertEquals("ANON", written.get("owner"));
    assertEquals("1", String.valueOf(written.get("mapcount")));
    assertEquals("1", String.valueOf(written.get("refcount")));
    assertEquals("403000-407000 rw-p EXE", written.get("mapping"));
    Map<?, ?> unread = (Map<?, ?>) Objects.requireNonNull(list.get(1));
    assertEquals(false, unread.get("mapped"));
    assertTrue(String.valueOf(((Map<?, ?>) list.get(2)).get("mapping")).startsWith("none"));
    assertEquals("the kernel", ((Map<?, ?>) list.get(3)).get("root"));
    assertEquals("0x200123", ((Map<?, ?>) list.get(3)).get("physical"));
  }

  @Test
  void wrongProcessesAreAnswered() {
    String recording = ExplainCommandTest.CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    for (String[] args :
        new String[][] {
          {"0x1000", "--pid", "1"},
          {"0x1000", "--after", recording, "--pid", "99"},
          {"0x1000", "--after", recording, "--map", "0x1000"},
          {"0x1000", "--after", recording, "--at", "99999"},
          {"0x1000", "--after", "no/such/file"},
          {"0x1000", "--maps", "no/such/file"},
          {"0x1000", "--at", "7"},
        }) {
      String[] all = new String[args.length + 1];
      all[0] = "translate";
      System.arraycopy(args, 0, all, 1, args.length);
      Cli wrong = Cli.mm(all);
      assertEquals(2, wrong.code(), String.join(" ", all) + wrong.out() + wrong.err());
      assertTrue(wrong.err().contains("allowed:"), wrong.err());
    }
  }

  @Test
  void nothingIsShownWhenOneAddressIsWrong() {
    Cli wrong = Cli.mm("translate", "0xffff888000001000", "0x12g");
    assertEquals(2, wrong.code(), wrong.err());
    assertEquals("", wrong.out());
  }
}
