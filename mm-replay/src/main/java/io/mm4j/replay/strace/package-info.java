// SPDX-License-Identifier: Apache-2.0
/**
 * Text that strace wrote ({@code strace -f -y -e trace=memory,execve -o NAME.strace}), with the
 * initial maps beside it ({@code NAME.maps}), as a recording of calls and their results.
 */
@NullMarked
package io.mm4j.replay.strace;

import org.jspecify.annotations.NullMarked;
