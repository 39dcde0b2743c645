// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * The fields of {@code mm_struct}, read at one moment. Fields of floors that are not there yet hold
 * the value said here.
 *
 * @param mmap start of the first VMA of the sorted list ({@code mmap}), -1 if none
 * @param mmRb start of the VMA at the root of the tree ({@code mm_rb}), or of the first VMA when
 *     the index has no single root; -1 if none
 * @param mmapCache start of the VMA found last ({@code mmap_cache}), -1 if none or not kept
 * @param pgd physical address of the page directory; 0 when the process has ended
 * @param mmUsers tasks that use the address space ({@code mm_users})
 * @param mmCount references to the structure ({@code mm_count}); all users together count one
 * @param mapCount number of VMAs, without the gate page ({@code map_count})
 * @param mmapSem state of {@code mmap_sem}: 0 free, -1 held for writing, else readers
 * @param pageTableLock whether {@code page_table_lock} is held
 * @param mmlist whether the address space is on the list that swap-off walks ({@code mmlist});
 *     false without swap
 * @param startCode first address of the program's code
 * @param endCode end of the program's code
 * @param startData first address of initialised data
 * @param endData end of initialised data
 * @param startBrk where the heap starts
 * @param brk where the heap ends, in bytes, not rounded
 * @param startStack where the stack pointer was at the start
 * @param argStart first address of the arguments
 * @param argEnd end of the arguments
 * @param envStart first address of the environment
 * @param envEnd end of the environment
 * @param rssPages resident pages ({@code rss}), without zero pages
 * @param totalVmPages sum of all VMAs ({@code total_vm})
 * @param lockedVmPages sum of the locked VMAs ({@code locked_vm})
 * @param dataVmPages private writable pages that are not stack ({@code data_vm}, RLIMIT_DATA)
 * @param execVmPages executable pages that are neither writable nor stack ({@code exec_vm})
 * @param stackVmPages pages of VMAs that grow down ({@code stack_vm})
 * @param hiwaterVmPages the largest total so far ({@code hiwater_vm})
 * @param committedPages pages this address space has charged ({@code VM_ACCOUNT})
 * @param tablePages page tables below the page directory ({@code pgtables_bytes}, VmPTE)
 * @param defFlags flags that new VMAs get ({@code def_flags}: mlockall with MCL_FUTURE), raw bits
 * @param cpuVmMask CPUs that may hold translations ({@code cpu_vm_mask}); 0 until CPUs run tasks
 * @param swapAddress where the swapper stopped ({@code swap_address}, 2.4); 0 without swap
 * @param dumpable whether a core dump is allowed
 * @param context the architecture's part ({@code context}): address of the vdso, 0 if unmapped
 */
@API(status = API.Status.EXPERIMENTAL)
public record MmFields(
    long mmap,
    long mmRb,
    long mmapCache,
    long pgd,
    int mmUsers,
    int mmCount,
    int mapCount,
    int mmapSem,
    boolean pageTableLock,
    boolean mmlist,
    long startCode,
    long endCode,
    long startData,
    long endData,
    long startBrk,
    long brk,
    long startStack,
    long argStart,
    long argEnd,
    long envStart,
    long envEnd,
    long rssPages,
    long totalVmPages,
    long lockedVmPages,
    long dataVmPages,
    long execVmPages,
    long stackVmPages,
    long hiwaterVmPages,
    long committedPages,
    long tablePages,
    long defFlags,
    long cpuVmMask,
    long swapAddress,
    boolean dumpable,
    long context) {}
