// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Pools of huge pages on the command line, and what files say of them. */
class HugePagesTest {
  private static final String BOTH = "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=8";
  private static final String GIGA = "/sys/kernel/mm/hugepages/hugepages-1048576kB/";
  private static final String PAGE =
      "mmap 1G PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB; write $1";

  private static String good(String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(0, cli.code(), cli.err());
    return cli.out();
  }

  private static void has(String text, String... lines) {
    for (String line : lines) {
      assertTrue(text.contains(line), line + " in " + text);
    }
  }

  @Test
  void meminfoCountsTheDefaultSizeAndTheBytesOfAll() {
    has(
        good("cat", "/proc/meminfo", "--memory", "8G", "--cmdline", BOTH),
        "HugePages_Total:       8\n",
        "Hugepagesize:       2048 kB\n",
        "Hugetlb:         2113536 kB\n");
    has(
        good(
            "cat", "/proc/meminfo", "--memory", "8G", "--cmdline", "default_hugepagesz=1G " + BOTH),
        "HugePages_Total:       2\n",
        "Hugepagesize:    1048576 kB\n",
        "Hugetlb:         2113536 kB\n");
  }

  /** Linux 6.18 on a machine of 24 GiB: 1 GiB in the pool makes it half a GiB less. */
  @Test
  void poolsAreNotPromisedToAnybody() {
    long plain = commitLimit("quiet");
    assertEquals(plain - (512 << 10), commitLimit("hugepagesz=1G hugepages=1"));
    assertEquals(plain - (100 << 10), commitLimit("hugepages=100"));
  }

  private static long commitLimit(String cmdline) {
    String text = good("cat", "/proc/meminfo", "--memory", "8G", "--cmdline", cmdline);
    String line = text.lines().filter(l -> l.startsWith("CommitLimit:")).findFirst().orElseThrow();
    return Long.parseLong(line.replaceAll("[^0-9]", ""));
  }

  @Test
  void sysfsHasADirectoryForEachSize() {
    String[] more = {"--memory", "8G", "--cmdline", BOTH};
    assertEquals("2\n", good("cat", GIGA + "nr_hugepages", more[0], more[1], more[2], more[3]));
    Cli none =
        Cli.mm("cat", GIGA + "nr_hugepages", "--machine", "x86-pae", "--cmdline", "hugepages=1");
    assertEquals(2, none.code());
    has(none.err(), "allowed: hugepages-2048kB");
    assertEquals(2, Cli.mm("cat", GIGA + "pages").code());
  }

  /** The nodes in turn, each from its end: what memblock gives. */
  @Test
  void gigaPagesOfTheCommandLineLieOnEachNode() {
    String node = "/sys/devices/system/node/node";
    String file = "/hugepages/hugepages-1048576kB/free_hugepages";
    String[] more = {"--memory", "8G", "--nodes", "2", "--cmdline", BOTH};
    for (int i = 0; i < 2; i++) {
      String path = node + i + file;
      assertEquals("1\n", good("cat", path, more[0], more[1], more[2], more[3], more[4], more[5]));
    }
    assertEquals(2, Cli.mm("cat", node + 2 + file, more[0], more[1], more[2], more[3]).code());
    has(
        good("cat", "/proc/meminfo", "--memory", "8G", "--cmdline", BOTH),
        "MemTotal:        8388216 kB\n");
  }

  /** A size named as the default is the one that a number behind it is of, as any other. */
  @Test
  void aNumberIsOfTheSizeBeforeIt() {
    String small = GIGA.replace("1048576", "2048");
    String first = "hugepagesz=1G hugepages=1 default_hugepagesz=2M hugepages=3";
    assertEquals("1\n", number(GIGA, first));
    assertEquals("3\n", number(small, first));
    String second = "hugepagesz=2M hugepages=3 default_hugepagesz=1G hugepages=2";
    assertEquals("2\n", number(GIGA, second));
    assertEquals("3\n", number(small, second));
  }

  private static String number(String directory, String cmdline) {
    return good("cat", directory + "nr_hugepages", "--memory", "8G", "--cmdline", cmdline);
  }

  @Test
  void surplusPagesNeedNoPool() {
    String file = GIGA.replace("1048576", "2048") + "nr_overcommit_hugepages";
    assertEquals("3\n", good("cat", file, "--cmdline", "vm.nr_overcommit_hugepages=3"));
  }

  /** What is taken at boot lies at the end of memory. */
  @Test
  void theFirstGigaPageIsTheHighestOne() {
    has(
        good("explain", PAGE, "--memory", "8G", "--cmdline", "default_hugepagesz=1G hugepages=1"),
        "GiB page in frame 0x200000");
  }

  @Test
  void aPageIsALeafOfTheThirdLevel() {
    String[] machine = {"--memory", "8G", "--cmdline", "default_hugepagesz=1G hugepages=2"};
    has(
        good("explain", PAGE, machine[0], machine[1], machine[2], machine[3]),
        "begin on a border of 0x40000000",
        "GiB page in frame");
  }

  @Test
  void wordsThatLinuxIgnoresAreRefused() {
    for (String line :
        new String[] {
          "hugepagesz=3M hugepages=1", "hugepages=1 hugepages=2", "hugepagesz=2M hugepages=0:1",
        }) {
      Cli cli = Cli.mm("cat", "/proc/meminfo", "--cmdline", line);
      assertEquals(2, cli.code(), line);
      has(cli.err(), "hugepage");
    }
  }
}
