// SPDX-License-Identifier: Apache-2.0
/** Tasks, and who has which address space: fork, exec, exit, the context switch. */
@NullMarked
package io.mm4j.process.task;

import org.jspecify.annotations.NullMarked;
