// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExplainCommandTest {
  static final Path CORPUS = Path.of("..", "mm-replay", "src", "test", "corpus", "vma", "dev");

  private static String explained(String... words) {
    String[] args = new String[words.length + 1];
    args[0] = "explain";
    System.arraycopy(words, 0, args, 1, words.length);
    Cli explain = Cli.mm(args);
    assertEquals(0, explain.code(), explain.err());
    // An option may change nothing in an answer; that is said.
    assertEquals(
        "", explain.err().replaceAll("mm: note: --.* changes nothing in this answer.*\\R", ""));
    return explain.out();
  }

  private static void assertHas(String text, String... parts) {
    String flat = text.replaceAll("\\s+", " ");
    for (String part : parts) {
      assertTrue(flat.contains(part), () -> part + " is not in\n" + text);
    }
  }

  @Test
  void saysWhichZoneAndWhatWasSplit() {
    String text = explained("alloc_pages", "GFP_KERNEL", "3", "--memory", "4G");
    assertHas(
        text, "zone Normal", "= pfn ", "free blocks by order, 0 to 10 - Node 0, zone Normal:");
    assertEquals(text, explained("alloc_pages", "GFP_KERNEL", "3", "--memory", "4G"));
  }

  /** Where Linux' low watermark is above an eighth of the zone, and the lists' limits cross. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "512M vm.min_free_kbytes=67584",
        "256M vm.min_free_kbytes=32768",
        "4G vm.min_free_kbytes=419430",
        "4G vm.watermark_scale_factor=3000",
      })
  void watermarksMayBeLarge(String machine) {
    String[] words = machine.split(" ", -1);
    assertHas(
        explained("alloc_pages", "GFP_KERNEL", "0", "--memory", words[0], "--cmdline", words[1]),
        "= pfn ");
  }

  @Test
  void moreThanAllMemoryMayHaveToStayFree() {
    assertHas(
        explained("alloc_pages", "GFP_KERNEL", "0", "--cmdline", "vm.min_free_kbytes=2147483647"),
        "page allocation failure",
        "= no page");
  }

  @Test
  void aRequestThatMustNotFailMayNeverComeBack() {
    assertHas(
        explained("alloc_pages", "GFP_KERNEL|__GFP_NOFAIL", "10", "--memory", "4M"),
        "half of the minimum may be used",
        "= never comes back: a request that must not fail cannot be served",
        "order=10");
  }

  @Test
  void aMultipleOfTwoMebibytesIsAligned() {
    assertHas(
        explained("mmap", "2M"),
        "mmap(NULL, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
        "searched top-down from 0x7ffff7fff000",
        "goes up to the next 2 MiB border, 0x7ffff7c00000",
        "= 0x7ffff7c00000",
        "+ 7ffff7c00000-7ffff7e00000 rw-p 00000000 00:00 0",
        "- map_count=11 total_vm=278",
        "+ map_count=12 total_vm=790");
    assertHas(explained("mmap", "3M"), "is no multiple of 2 MiB", "= 0x7ffff7cf7000");
    assertHas(explained("mmap", "0x20000000", "2M"), "a hint switches it off", "= 0x20000000");
  }

  @Test
  void callsOneAfterTheOtherSplitAndMerge() {
    String text =
        explained("mmap 12K PROT_READ", "mprotect $1+4K 4K PROT_NONE", "mprotect r1+4K 4K 1");
    assertHas(
        text,
        "$2 mprotect(0x7ffff7ff5000, 4K, PROT_NONE)",
        "7ffff7ff4000-7ffff7ff7000 r--p is cut at 0x7ffff7ff5000",
        "$3 mprotect(0x7ffff7ff5000, 4K, PROT_READ)",
        "three become one",
        "- map_count=14 + map_count=12");
    assertEquals(
        text,
        explained("mmap 12K PROT_READ; mprotect $1+4K 4K PROT_NONE;mprotect $1+4096 4K PROT_READ"));
    assertHas(
        explained("setrlimit", "RLIMIT_AS", "2M", ";", "mmap", "2M"),
        "RLIMIT_AS: 278 + 512 pages exceed 512",
        "= -1 ENOMEM (Cannot allocate memory)");
  }

  @Test
  void aFaultThatAProgramAnswersWaits() {
    String text =
        explained(
            "mmap 16K; userfaultfd UFFD_USER_MODE_ONLY; uffdio_api 0 UFFD_FEATURE_EXACT_ADDRESS;"
                + " uffdio_register 0 r1 8K; write r1+5; sys_read 0 [stack] 64; mmap 4K; write r7;"
                + " uffdio_copy 0 r1 r7 8K; read r1; uffdio_writeprotect 0 r1 4K");
    assertHas(
        text,
        "uffdio_register(0, 0x7ffff7ff3000, 8K, UFFDIO_REGISTER_MODE_MISSING)",
        "chosen: UFFD_FEATURE_EXACT_ADDRESS; there are UFFD_FEATURE_PAGEFAULT_FLAG_WP|",
        "there are UFFDIO_WAKE, UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_MOVE, UFFDIO_POISON",
        "the struct's answer is 316 (0x13c)",
        "= waits for userfaultfd at 0x7ffff7ff3005",
        "the message tells of a fault at 0x7ffff7ff3005, a write",
        "the struct's answer is 8192 (0x2000)",
        "= ok, the byte is 0x41",
        "ENOENT: a VMA that is not watched for writes");
    assertFalse(text.contains("nothing is mapped there"), text);
  }

  @Test
  void aDescriptorMayBeAnEarlierResult() {
    assertHas(
        explained(
            "mount tmpfs 8K; ftruncate $1 8K; creat r1; mmap NULL 8K PROT_READ MAP_SHARED $1 0;"
                + " memfd_secret O_CLOEXEC; pipe2 [stack] O_NONBLOCK"),
        "descriptor 100 is a new and empty file on it",
        "ftruncate(100, 8K)",
        "creat(100)",
        "descriptor 101 is",
        "/mnt/file1",
        "memfd_secret(O_CLOEXEC)",
        "the pipe is read from 1 and written to 2");
    assertHas(
        explained("mount hugetlbfs 4M 8M"), "the least size is larger than the size", "EINVAL");
    assertHas(explained("mount tmpfs; unlink $1; unlink $1"), "$3 unlink(100) = -1 ENOENT");
    assertHas(explained("mount hugetlbfs 4M 2M"), "too few free pages to promise", "ENOMEM");
  }

  /** What need not be typed may stand in front of what must be. */
  @Test
  void argumentsThatAreLeftOutInTheMiddleAreFilled() {
    assertHas(explained("sys_read 3 4K"), "sys_read(3, 0x7ffffffde000, 4K)", "= 4096");
    assertHas(explained("shmget 4K"), "shmget(IPC_PRIVATE, 4K, IPC_CREAT)", "= 0");
    assertHas(
        explained("process_madvise [heap] 4K MADV_COLD"),
        "process_madvise(0x1, 0x4cb000, 4K, MADV_COLD, 0)");
  }

  @Test
  void keysAndTheirRightsAreExplained() {
    assertHas(
        explained(
            "pkey_alloc 0 2; mmap 4K; pkey_mprotect $2 4K PROT_READ|PROT_WRITE $1; mmap 4K;"
                + " write $2; wrpkru 0; rdpkru; pkey_mprotect $2 4K PROT_READ -1",
            "--plugin",
            "process=linux:pkeys=true"),
        "not with 7ffff7ff6000-7ffff7ff7000 rw-p: protection keys differ, 1 and 0",
        "SIGSEGV, SEGV_PKUERR at 0x7ffff7ff6000, key 1",
        "$8 pkey_mprotect(0x7ffff7ff6000, 4K, PROT_READ, -1)");
  }

  @Test
  void aCollapseOfSharedMemoryIsExplained() {
    assertHas(
        explained(
            "memfd_create; ftruncate $1 4M; mmap 0x10000000 4M PROT_READ|PROT_WRITE MAP_SHARED $1"
                + " 0; write $3; madvise $3 2M MADV_COLLAPSE; madvise $3 4M MADV_COLLAPSE; mmap"
                + " 0x20001000 4M PROT_READ MAP_SHARED $1 0; madvise $7 4M MADV_COLLAPSE"),
        "2 MiB at 0x10000000: the file's pages become one huge page",
        "EINVAL: 2 MiB of the file where nothing is",
        "EINVAL: addresses and offsets of the mapping differ within 2 MiB");
  }

  @Test
  void fiveLevelsHaveMoreAddresses() {
    assertHas(
        explained("mmap 0xff000000000000 4K; write $1", "--plugin", "page-table=la57"),
        "= 0xff000000000000",
        "P4D");
  }

  @Test
  void aLineOfStraceIsUnderstood() {
    assertHas(
        explained(
            "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"
                + " = 0x7f0000000000"),
        "mmap(NULL, 8K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
        "= 0x7ffff7ff5000");
  }

  /** From the page allocator down to the entry and the frame; then a copy in a child. */
  @Test
  void aFaultIsShownDownToItsFrame() {
    String first = explained("mmap 8K; fault r1");
    assertHas(
        first,
        "first write to anonymous memory",
        "PGD",
        "PTE",
        "P R/W U/S",
        "it was none",
        "owner ANON, mapped once, 1 reference");
    assertTrue(first.contains("mm_page_alloc") || first.contains("zone "), first);
    String copy = explained("mmap 8K; fault r1; fork; fault r1; read 0x401000");
    assertHas(copy, "the page is shared since fork", ", a page");
    assertHas(explained("fault 0x5"), "SIGSEGV");
  }

  @Test
  void whyNeighboursDoNotMerge() {
    assertHas(
        explained("mmap 8K; touch r1; mmap r1-8K 8K; touch r3+4K; mmap r3-4K 4K PROT_READ"),
        "the VMA gets an anon_vma",
        "flags differ in wr");
    assertHas(
        explained(
            "mmap NULL 4K PROT_READ MAP_PRIVATE 3 0x1000; mmap r1-4K 4K PROT_READ MAP_PRIVATE 4 0"),
        "another open file");
    assertHas(
        explained(
            "mmap NULL 4K PROT_READ MAP_PRIVATE 3 0; mmap r1-4K 4K PROT_READ MAP_PRIVATE 3 0"),
        "page offsets");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "munmap [vdso] 4K|a special mapping cannot be split|-1 EINVAL (Invalid argument)",
        "munmap [heap] 4K|004cb000-004ed000|= 0",
        "mremap [heap] 4K 8K 0|no room to grow in place, and it may not move|-1 ENOMEM",
        "mremap [stack] 4K 8K MREMAP_MAYMOVE|it moves|= 0x7ff",
        "mremap [stack] 4K 8K|it may not move|-1 ENOMEM",
        "brk brk+64K|becomes part of 4cb000-4ed000 rw-p before|= 0x4fd000",
        "brk|below start_brk|= 0x4ed000",
        "madvise [heap] 4K MADV_DONTNEED|= 0|- rss=205",
        "mlock [heap] 4K|is cut at|+ map_count=12 locked_vm=1",
        "mlock2 [heap] 4K MLOCK_ONFAULT|= 0|locked_vm=1",
        "munlock [heap] 4K|= 0",
        "mlockall MCL_CURRENT|= 0|locked_vm=",
        "munlockall|= 0",
        "msync [heap] 4K MS_INVALIDATE|= 0",
        "mincore [heap] 16K|3 of 4 pages resident",
        "mseal [heap] 136K; munmap [heap] 4K|sealed|-1 EPERM",
        "setrlimit RLIMIT_MEMLOCK 1G|soft limit above the hard limit|-1 EINVAL",
        "read 0x10|no mapping contains the address|SIGSEGV, SEGV_MAPERR at 0x10",
        "write 0x401000 7|does not allow this access|SIGSEGV, SEGV_ACCERR at 0x401000",
        "exec [heap]|SIGSEGV, SEGV_ACCERR",
        "touch 0x7ffffffd0000|grows down by 14 pages|stack_vm=47",
        "mmap NULL 8K PROT_READ MAP_SHARED 6 0|/dev/zero (deleted)",
        "mmap 0x1000 4K PROT_READ MAP_PRIVATE|EBADF: no such descriptor",
        "mmap 0x1000 4K PROT_READ MAP_PRIVATE|MAP_ANONYMOUS|raised to mmap_min_addr|= 0x10000",
        "mmap 0 4K PROT_READ MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|-1 EPERM",
      })
  void everyCallIsExplained(String line) {
    int space = line.lastIndexOf(' ', line.indexOf('|'));
    int end = line.indexOf('|', Math.max(line.lastIndexOf("MAP_FIXED"), space));
    while (line.startsWith("MAP_", end + 1)) {
      end = line.indexOf('|', end + 1);
    }
    String text = explained(line.substring(0, end));
    assertHas(text, line.substring(end + 1).split("\\|", -1));
  }

  @Test
  void otherMachinesDecideOtherwise() {
    assertHas(
        explained("mmap 1G", "--cmdline", "vm.overcommit_memory=2", "--memory", "512M"),
        "CommitLimit",
        "-1 ENOMEM");
    assertHas(
        explained("mmap 4M", "--cmdline", "vm.overcommit_memory=2 vm.overcommit_kbytes=4096"),
        "CommitLimit, 1024 pages",
        "-1 ENOMEM");
    String later = "vm.overcommit_memory=2 vm.overcommit_kbytes=4096 vm.overcommit_ratio=90";
    assertHas(explained("mmap 4M", "--cmdline", later), "= 0x7");
    assertHas(explained("mmap 64K", "--machine", "x86-32"), "= 0xb7fe8000");
    assertHas(explained("mlock [heap] 4K", "--privileged"), "locked_vm=1");
    String bound = "mmap 8K; mbind r1 4K MPOL_BIND 2";
    assertHas(explained(bound), "-1 EINVAL");
    assertHas(explained(bound, "--nodes", "2"), "= 0");
    assertHas(
        explained(bound + "; alloc_pages_node 1 GFP_KERNEL 0", "--nodes", "2"), "= 0", "Node 1");
    assertHas(
        explained("mmap 2M; touch r1", "--cmdline", "transparent_hugepage=always"), "a huge page");
    for (String index : List.of("rbtree", "maple", "treemap")) {
      assertEquals(
          explained("mmap 2M; munmap r1 1M"),
          explained("mmap 2M; munmap r1 1M", "--plugin", "vma-index=" + index));
    }
  }

  @Test
  void jsonSaysTheSame() {
    Cli json = Cli.mm("explain", "--json", "mmap 8K; munmap $1 16K; munmap 1 4K");
    List<?> calls = json.jsonList("calls");
    assertEquals(3, calls.size());
    Map<?, ?> first = (Map<?, ?>) Objects.requireNonNull(calls.getFirst());
    assertEquals("0x7ffff7ff5000", first.get("result"));
    assertTrue(String.valueOf(first.get("steps")).contains("topic=placement"), json.out());
    assertTrue(String.valueOf(first.get("maps")).contains("7ffff7ff5000-7ffff7ff7000"), json.out());
    Map<?, ?> last = (Map<?, ?>) Objects.requireNonNull(calls.getLast());
    assertEquals("EINVAL", last.get("errno"));
  }

  @Test
  void goesOnFromARecordingBeforeACallOrAtItsEnd() {
    String recording = CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    String end = explained("mmap 4K", "--after", recording);
    String early = explained("mmap 4K", "--after", recording, "--at", "1");
    assertHas(early, "before call 1");
    assertFalse(end.contains("before call"), end);
    String second = explained("brk", "--after", recording, "--at", "20", "--pid", "2");
    assertEquals(second, explained("brk", "--after", recording, "--at", "20", "--pid", "p1"));
    assertHas(
        explained(
            "mmap NULL 8K PROT_READ MAP_PRIVATE D1 0",
            "--after",
            CORPUS.resolve("directed-file_merge.vma.gz").toString(),
            "--at",
            "1"),
        " F1");
  }

  @Test
  void whatWasDoneBeforeAWrongCallIsShown() {
    Cli wrong = Cli.mm("explain", "munmap 1 4K; munmap $1 4K");
    assertEquals(2, wrong.code());
    assertHas(wrong.out(), "-1 EINVAL");
    assertHas(wrong.err(), "$1 cannot be used: call 1 gave EINVAL");
    UsageTest.assertThreeParts(wrong);
  }

  @Test
  void kernelsDifferInNodesAndInMergingOfPages() {
    String bind = "mbind [heap] 4K MPOL_BIND|MPOL_F_STATIC_NODES 0x4000000000000000";
    Cli few = Cli.mm("explain", bind);
    assertHas(few.out(), "MPOL_BIND|MPOL_F_STATIC_NODES", "EINVAL: none of the nodes has memory");
    assertHas(Cli.mm("explain", bind, "--plugin", "process=linux:numa-nodes=63").out(), " = 0");
    String merge = "madvise [heap] 4K MADV_MERGEABLE";
    assertHas(Cli.mm("explain", merge).out(), " = 0");
    assertHas(Cli.mm("explain", merge, "--plugin", "process=linux:ksm=false").out(), "-1 EINVAL");
  }

  @Test
  void numbersOfFlagsAreThoseOfC() {
    assertHas(Cli.mm("explain", "mprotect [heap] 4K 010").out(), "4K, PROT_SEM)");
    assertHas(Cli.mm("explain", "mprotect [heap] 4K 10").out(), "4K, PROT_WRITE|PROT_SEM)");
    assertHas(Cli.mm("explain", "mprotect [heap] 4K 0").out(), "4K, PROT_NONE) ");
    assertEquals(2, Cli.mm("explain", "mprotect [heap] 4K 08").code());
  }

  @Test
  void wrongOperationsAreAnswered() {
    String recording = CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    for (String[] args :
        new String[][] {
          {},
          {""},
          {"nix"},
          {"mmpa", "4K"},
          {"alloc_pages"},
          {"alloc_pages", "GFP_NIX", "0"},
          {"alloc_pages", "GFP_KERNEL", "11"},
          {"alloc_pages", "__GFP_MOVABLE|__GFP_RECLAIMABLE", "0"},
          {"alloc_pages", "0x18", "0"},
          {"alloc_pages", "0xffffffffff", "0"},
          {"alloc_pages", "GFP_KERNEL|0x100000000", "0"},
          {"alloc_pages", "GFP_KERNEL", "x"},
          {"alloc_pages", "GFP_KERNEL", "0", "1"},
          {"alloc_pages", "GFP_KERNEL", "0", "--pid", "1"},
          {"alloc_pages GFP_KERNEL 0", "boot"},
          {"mmap 4K; alloc_pages GFP_KERNEL 0", "--after", recording},
          {"process 7"},
          {"userfaultfd", "O_NIX"},
          {"pipe2", "[stack]", "O_DIRECT"},
          {"memfd_secret", "MFD_CLOEXEC"},
          {"mount", "tmpfs", "4K-8K"},
          {"mount", "hugetlbfs", "0-4K"},
          {"mount", "tmpfs", "8K", "4K"},
          {"creat", "$1"},
          {"wrpkru", "0"},
          {"wrpkru", "0x1ffffffff", "--plugin", "process=linux:pkeys=true"},
          {"mmap 4K", "--plugin", "process=linux:pkeys=maybe"},
          {"uffdio_register", "0"},
          {"uffdio_register", "0", "[heap]", "4K", "UFFDIO_REGISTER_MODE_MISSIN"},
          {"uffdio_copy", "0", "[heap]", "[stack]", "4K", "UFFDIO_WRITEPROTECT_MODE_WP"},
          {"mmap"},
          {"mmap", "-4096"},
          {"mmap", "4Q"},
          {"mmap", "99999999999999999999"},
          {"mmap", "0x11111111111111111"},
          {"mmap", "NULL", "4K", "PROT_NIX"},
          {"mmap", "NULL", "4K", "PROT_READ", "MAP_PIVATE"},
          {"mmap", "NULL", "4K", "PROT_READ", "MAP_PRIVATE", "D1"},
          {"mmap", "NULL", "4K", "PROT_READ", "MAP_PRIVATE", "3", "0", "0"},
          {"munmap", "$1", "4K"},
          {"munmap", "[nix]", "4K"},
          {"munmap", "brk+", "4K"},
          {"munmap", "+brk", "4K"},
          {"munmap", "4K"},
          {"write", "[heap]", "256"},
          {"write", "[heap]", "-1"},
          {"touch", "[heap]", "nix"},
          {"setrlimit", "RLIMIT_NIX", "1"},
          {"madvise", "[heap]", "4K", "MADV_RANDOM|MADV_SEQUENTIAL"},
          {"fadvise64", "-1", "0", "0", "POSIX_FADV_RANDOM|POSIX_FADV_SEQUENTIAL"},
          {"mbind", "[heap]", "4K", "MPOL_PREFERRED|MPOL_BIND", "1"},
          {"mbind", "[heap]", "4K", "MPOL_DEFAULT|MPOL_BIND", "1"},
          {"mmap 4K", "--plugin", "process=linux:numa-nodes=64"},
          {"mmap 4K", "--plugin", "process=linux:numa-nodes=0xffffffffffffffff"},
          {"mmap 4K", "--pid", "2"},
          {"mmap 4K", "--pid", "x"},
          {"mmap 4K", "--at", "1"},
          {"mmap 4K", "--after", "tar_gzip", "--at", "1"},
          {"mmap 4K", "--after", "no/such/file"},
          {"mmap 4K", "--after", recording, "--at", "0"},
          {"mmap 4K", "--after", recording, "--at", "-1"},
          {"mmap 4K", "--after", recording, "--at", "99999"},
          {"mmap 4K", "--after", recording, "--pid", "99"},
          {"mmap 4K", "--after", recording, "--privileged"},
          {"mmap 4K", "--cmdline", "vm.max_map_count=x"},
          {"mmap 4K", "--cmdline", "transparent_hugepage=nix"},
          {"mmap 4K", "--cmdline", "stack_guard_gap=99999999999"},
        }) {
      String[] all = new String[args.length + 1];
      all[0] = "explain";
      System.arraycopy(args, 0, all, 1, args.length);
      Cli wrong = Cli.mm(all);
      assertEquals(2, wrong.code(), String.join(" ", all) + "\n" + wrong.out() + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
