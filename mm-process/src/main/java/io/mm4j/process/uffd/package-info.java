// SPDX-License-Identifier: Apache-2.0
/** What a userfaultfd is: its features, who waits for it, and the messages that it gives. */
@NullMarked
package io.mm4j.process.uffd;

import org.jspecify.annotations.NullMarked;
