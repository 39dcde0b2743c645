// SPDX-License-Identifier: Apache-2.0

/** Page faults and fork beside what they consist of, and beside this machine's own. */
@NullMarked
package io.mm4j.bench.fault;

import org.jspecify.annotations.NullMarked;
